// The other sandboxes of Debian, each told to isolate as Cordon does as far as it can, to be measured beside it. What
// they make (processes, cgroups, files) is theirs alone and ends with this.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/host_view.hpp"
#include "tests/bench/program.hpp"

namespace cordon::bench {

// Where they work, shared by all.
struct Workshop {
  std::string directory;
  std::string root;     // of a sandbox: mount points and nothing else
  std::string rules;    // Cordon's default system-call rules, compiled
  std::string profile;  // Cordon's default profile, without ".json"
  std::string cgroup;   // of theirs, from the root of each hierarchy
};

struct Peer {
  std::string name;     // as its package is called
  std::string binary;   // a path
  std::string cgroups;  // what limits it is given by cgroups
  // The command line that runs `argv` (a path first) in a sandbox. Lanes run at the same time.
  std::function<Words(const Workshop&, const Words& argv, unsigned lane)> command;
  bool takes_rules = false;  // as compiled, on a descriptor
  std::string version{};
  std::string cannot{};  // why it does not run on this machine; empty: it does
  std::string names() const { return name + " " + version; }
};

Peer bubblewrap();
Peer crun();
Peer runc();
Peer firejail();
Peer systemd_nspawn();

class Peers {
 public:
  // Tries each once.
  Peers();
  ~Peers();
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  const std::vector<Peer>& all() const { return peers_; }
  const Peer* find(const std::string& name) const;  // nullptr when it cannot run here

  // Ready to be run in each lane; argv[0] is a name in /usr/bin.
  struct Prepared {
    std::vector<Program> lanes;
    const HostView* view = nullptr;
    void run(unsigned lane = 0) const;
    std::string output() const;
    pid_t begin(unsigned lane, int input, int output) const;
  };
  Prepared prepare(const Peer& peer, Words argv, unsigned lanes = 1) const;

 private:
  void try_out(Peer& peer) const;

  Workshop workshop_;
  std::optional<HostView> view_;
  std::vector<Peer> peers_;
};

}  // namespace cordon::bench
