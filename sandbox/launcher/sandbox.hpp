// One sandbox: built as its profile says, given one job, held, ended. Everything it makes, it owns: when it goes, all
// of it goes. Runs in: a fork of the resident launcher, as root.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/launcher/cgroup.hpp"
#include "sandbox/launcher/egress.hpp"
#include "sandbox/launcher/host.hpp"
#include "sandbox/launcher/input.hpp"
#include "sandbox/launcher/network_denials.hpp"
#include "sandbox/launcher/plan.hpp"
#include "sandbox/launcher/seccomp_denials.hpp"
#include "sandbox/launcher/streams.hpp"
#include "sandbox/launcher/timings.hpp"
#include "sandbox/launcher/watch.hpp"
#include "sandbox/launcher/workspace.hpp"

namespace cordon {

class Sandbox {
 public:
  Sandbox(int lifeline, LaunchPlan plan, Host& host, Timings& timings, Witness& witness);

  // The steps, in this order. Each throws KernelError with the step that failed, or LifelineClosed.
  Prepared prepare();                                        // up to the job, and what the kernel says of it
  ReceivedMessage await_job();                               // the next message of the lifeline
  Finished run(const JobSpec& job, std::vector<Fd> memfds);  // or LatchClosed
  // Also after any of them has thrown, and again: nothing of it runs any more. False: it hangs in the kernel.
  bool end();

  std::vector<int> read_ends() const { return streams_.read_ends(); }  // of the pipes, for cordond
  Fd open_events() const { return cgroup_.open_events(); }             // likewise
  void close_read_ends() { streams_.close_read_ends(); }
  bool gone() const { return gone_; }  // the tool was told to go: from here on a failure of ours is no failed set-up

 private:
  void start();
  Facts confine();
  void start_interpreter();
  Facts give(const JobSpec& job, const std::vector<Fd>& memfds);
  void give_to_interpreter(const std::vector<Fd>& memfds);
  void expect_it_may_take(const Limits& limits) const;  // the interpreter; throws JobDeclined
  void set_resource_limits(const Limits& limits) const;
  void open_egress(const JobSpec& job);
  void find_out(Finished& finished);
  void gather(int globs, const JobSpec& job);

  int lifeline_;
  LaunchPlan plan_;
  Host& host_;
  Timings& timings_;
  Witness& witness_;
  Cgroup cgroup_;
  Workspace workspace_;
  Workspace::Used used_before_;  // the job
  Streams streams_;
  std::optional<Input> input_;  // of an interpreter that waits for it
  SeccompDenials refused_;
  SocketPair init_, tool_;
  std::optional<Child> child_;  // pid 1
  std::optional<Watch> watch_;
  std::optional<NetworkDenials> network_;
  std::optional<EgressNetwork> egress_network_;  // of a profile that has grants
  std::optional<Egress> egress_;                 // of a job that has grants
  Fd mounts_;  // its mount namespace: taken down when we end, not while its pid 1 does
  bool gone_ = false;
  bool leaves_ = false;  // pid 1 has said that its tool has ended: it goes, and all else with it
};

}  // namespace cordon
