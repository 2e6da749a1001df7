// What a sandbox's filter refused, as pid 1 wrote it down, for the report: one line for each kind of call.
// Runs in: launcher.
#pragma once

#include <string>
#include <vector>

#include "sandbox/denial_table.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/kernel/shared_memory.hpp"
#include "sandbox/report.hpp"

namespace cordon {

class SeccompDenials {
 public:
  SeccompDenials();

  int memory() const { return memory_.get(); }  // for pid 1
  // The self-probe's own attempts, which pid 1 must have seen, are not the tool's: throws when they were not recorded.
  void forget_self_probe(std::uint64_t attempts);
  std::vector<Denial> list(const std::vector<std::string>& call_names) const;

 private:
  Fd memory_;
  Shared<DenialTable> table_;
};

// The pure part. "socket(AF_VSOCK, 1, …)": the arguments that the verdict depended on, or all of the first such call's.
std::vector<Denial> describe(const DenialTable& table, const std::vector<std::string>& call_names);

}  // namespace cordon
