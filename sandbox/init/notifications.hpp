// Answers the system calls that the tool's filter refuses, and writes them down (seccomp_unotify(2)). Never lets one
// continue: what it says is what the filter would have said. Runs in: pid 1 of the sandbox, without rights.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sandbox/denial_table.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

class Notifications {
 public:
  // `refusals`: the program that says which errno a call gets (sock_filter[]).
  Notifications(Fd listener, std::string refusals, DenialTable& record);

  int fd() const { return listener_.get(); }  // readable when a call waits
  void answer();                              // the one that waits, if it still does

 private:
  Fd listener_;
  std::string refusals_;
  DenialTable& record_;
  std::vector<std::byte> request_, response_;  // as large as this kernel has them
};

// One more refusal. Pure, but for the table.
void write_down(DenialTable& record, const DenialRow& call);

}  // namespace cordon
