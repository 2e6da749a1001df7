// A launcher without sandboxes: speaks the lifeline's messages over a real socket, and plays what argv says. With it
// everything of cordond runs without root.
//   say TEXT…            writes each text to stdout, one write each; "err:TEXT" to stderr
//   echo-files           writes the payload's files and stdin to stdout
//   exit N               ends with that code
//   hold                 runs until the lifeline is closed
//   leave PATH TEXT      leaves an artifact
//   vanish               closes the lifeline without a report
//   refuse               SetupFailed, without Accepted
//   flood BYTES          that many bytes to stdout, then exit 0
//   leak                 ends, but its stdout stays open
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/fd.hpp"
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
  JobSpec last_spec();

 private:
  void accept_all();
  void serve(Fd line);
  void play(const Fd& line, const std::vector<Fd>& memfds);

  std::string path_;
  Fd listener_;
  std::mutex mutex_;
  JobSpec last_;
  std::vector<Fd> leaked_, greeted_;
  std::vector<std::thread> sessions_;
  std::atomic<int> started_{0}, alive_{0};
  std::thread accepter_;
};

}  // namespace cordon::test
