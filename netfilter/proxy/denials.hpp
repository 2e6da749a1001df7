// Denied attempts of one job: each the first time in full, then counted, and the counts told once a second and at the
// end. Exact, however many there are; what is not told apart any more is told together.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "netfilter/proxy/evidence.hpp"

namespace cordon::egress {

class Denials {
 public:
  Denials(std::string job, Evidence& evidence) : job_(std::move(job)), evidence_(evidence) {}

  void flow(FlowDecided denied);
  void query(const std::string& name, std::uint16_t type, FlowReason reason);
  // True while something is left that did not find room.
  bool flush();

 private:
  static constexpr std::size_t most_kinds = 64;
  using Kind = std::tuple<bool, std::string, std::uint16_t, FlowReason>;  // of a query; name; port or type; why

  // Is it new, and told apart from the others?
  bool count(Kind kind);
  FlowRecord record(const Kind& kind, std::uint64_t times) const;

  std::string job_;
  Evidence& evidence_;
  std::map<Kind, std::uint64_t> untold_;
};

}  // namespace cordon::egress
