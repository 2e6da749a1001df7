// A job's way out: the sockets in its sandbox's network that stand for what it was granted, handed to cordon-egress,
// which alone reads from them. The wall behind cordon-egress is tried: without it the job does not begin. What is held
// here is the life of the job's egress. Runs in: launcher, as root.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <string>

#include "netfilter/egress_job.hpp"
#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/report.hpp"

namespace cordon {

// Where cordon-egress is and who it must be.
struct EgressPlace {
  std::string socket;  // RUNTIME_DIR/egress.sock
  std::uint32_t uid = 0;
};

// What of it no job decides, in the network of a sandbox that is being prepared. It leads nowhere: a job that has no
// grants after all finds no route.
class EgressNetwork {
 public:
  explicit EgressNetwork(pid_t init);  // pid 1 of the sandbox, whose "lo" is up; throws KernelError

  const Facts& facts() const { return facts_; }  // what is in force, as the kernel says

 private:
  Fd proc_;  // needed at the start only, but to let go of a mount costs an RCU grace period
  Facts facts_;
};

class Egress {
 public:
  // For the sandbox whose pid 1 this is, behind its EgressNetwork; `private_egress` as cordon.json says now.
  // cordon-egress takes the job behind it. Throws KernelError with the step and what to do; the tool has not started
  // yet.
  Egress(const EgressPlace& place, const JobSpec& job, bool private_egress, pid_t init);

  // The wall holds, and cordon-egress has taken the job: what is in force, as the kernel says. Throws likewise; before
  // the tool starts.
  Facts expect_served();

  // Closes and waits, for so long at the most, until cordon-egress has cut every flow of the job. Never throws.
  void end(std::chrono::milliseconds patience) noexcept;

 private:
  std::uint32_t uid_;   // of cordon-egress
  std::uint16_t port_;  // one that is granted
  pid_t it_ = 0;        // cordon-egress
  Fd line_;
  Facts facts_;
};

// What is told to cordon-egress of a job. Pure.
EgressJob egress_job_of(const JobSpec& job, bool private_egress);

}  // namespace cordon
