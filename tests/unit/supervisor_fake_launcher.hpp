// A launcher without sandboxes: speaks the lifeline's messages over a real socket, and plays what argv says. With it
// everything of cordond runs without root.
//   say TEXT…            writes each text to stdout, one write each; "err:TEXT" to stderr
//   echo-files           writes the payload's files and stdin to stdout
//   exit N               ends with that code
//   hold                 runs until the lifeline is closed
//   leave PATH TEXT      leaves an artifact
//   vanish               closes the lifeline without a report
//   vanish-alive         likewise, and the sandbox is not empty until let_go()
//   refuse               SetupFailed, and nothing of it runs
//   go-deaf              closes the lifeline once the job's order is read, without a word
//   flood BYTES          that many bytes to stdout, then exit 0
//   leak                 ends, but its stdout stays open
//   wait-for-latch       is about to start until a kill switch is engaged, the first time; then exit 0
//   hang                 says that the kernel does not let it go, until let_go()
//   outlive              is still there 6 s after the lifeline was closed
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/latch.hpp"
#include "sandbox/payload.hpp"

namespace cordon::test {

class FakeLauncher {
 public:
  explicit FakeLauncher(std::string socket_path);
  ~FakeLauncher();
  FakeLauncher(const FakeLauncher&) = delete;
  FakeLauncher& operator=(const FakeLauncher&) = delete;

  int jobs_started() const { return started_; }
  int jobs_alive() const { return alive_; }
  int prepared() const { return prepared_; }  // sandboxes, in all
  int idle() const;                           // those that stand, and have no job
  void let_go();                              // what the kernel had not
  JobSpec last_spec();
  Preparation last_preparation();  // of a job
  std::vector<int> serials();  // of the sandboxes that got a job, in that order; each one is prepared() as it was then

  // From the next sandbox on.
  void refuse_to_prepare(bool refuse) { refuses_ = refuse; }
  // The next so many that are given a job end with it unread.
  void leave_unread(int orders) { unread_ = orders; }
  // The next so many interpreters that are given a job decline it.
  void decline(int orders) { declining_ = orders; }
  void end_idle();                                                            // as if their processes were killed
  std::uint64_t generation() const { return read_generation(latch_.get()); }  // as cordond has set it

 private:
  void accept_all();
  void serve(Fd line);
  void prepare(const Fd& line, const Preparation& preparation);
  std::optional<ReceivedMessage> await_order(const Fd& line);
  struct Pipes;
  void populate(const Pipes& pipes);
  void play(const Fd& line, Pipes& pipes, const std::vector<Fd>& memfds, std::uint64_t before);
  void await_generation(std::uint64_t wanted);

  std::string path_;
  Fd listener_;
  Fd latch_ = make_latch_page();
  std::atomic<bool> waited_{false};
  mutable std::mutex mutex_;
  JobSpec last_;
  Preparation last_prepared_;
  std::vector<int> serials_;
  std::set<int> idle_;
  bool ending_ = false;
  std::vector<Fd> leaked_, greeted_;
  std::vector<Fd> populated_;  // the cgroup.events that say so
  std::vector<std::thread> sessions_;
  std::atomic<int> started_{0}, alive_{0}, prepared_{0}, unread_{0};
  std::atomic<bool> refuses_{false};
  std::atomic<int> declining_{0};
  std::thread accepter_;
};

}  // namespace cordon::test
