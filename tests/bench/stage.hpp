// Everybody who takes part in a comparison: the bare program, Cordon in its ways, and the peers; each ready to be run
// in several lanes at once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/peers.hpp"
#include "tests/bench/samples.hpp"
#include "tests/promises/instance.hpp"

namespace cordon::bench {

struct Contender {
  std::string name;                        // of its row
  std::string figure;                      // what the goals know it by: "bare", "warm", "cold", "cli", or a peer's name
  std::function<void(unsigned lane)> run;  // once, to its end. Throws std::runtime_error when that is not 0
  std::size_t slowness = 1;                // it is run so many times less often than the quickest
  Samples samples{};
};

class Stage {
 public:
  Stage();

  // Of a program whose argv[0] is a name in /usr/bin; the bare one first.
  std::vector<Contender> contenders(const Words& argv, unsigned lanes = 1) const;
  Contender bare_program(const Words& argv) const;
  Contender job(const Words& argv, unsigned lanes) const;       // of the instance as it is shipped
  Contender cold_job(const Words& argv, unsigned lanes) const;  // of one that makes no sandboxes ahead
  Contender command_line(const Words& argv) const;
  std::optional<Contender> peer(const std::string& name, const Words& argv, unsigned lanes) const;

  test::Instance& shipped() { return shipped_; }
  const test::Instance& shipped() const { return shipped_; }
  // A row for each who is not among them, with the reason.
  void print_absent_rows(std::size_t columns) const;

 private:
  Contender peer(const Peer& peer, const Words& argv, unsigned lanes) const;

  Peers peers_;
  test::Instance cold_, shipped_;
};

}  // namespace cordon::bench
