// What only cordond may do, done by a test in its place: greet the launcher, set its latch, send it one job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/job_spec.hpp"
#include "sandbox/latch.hpp"
#include "sandbox/report.hpp"
#include "tests/promises/instance.hpp"

namespace cordon::test {

// A SEQPACKET connection that the kernel says is that user's. Throws KernelError.
Fd connect_as(uid_t uid, const std::string& path);

class LauncherLine {
 public:
  // The instance's own cordond has ended.
  explicit LauncherLine(const Instance& instance);

  void set_generation(std::uint64_t generation) { page_->set(generation); }
  const Fd& page() const { return page_fd_; }

  // The ending of a job that was decided under this generation.
  Ending run(std::uint64_t generation, const std::vector<std::string>& argv) const;
  // Likewise, with these descriptors for its payload, its stdin and its globs.
  Ending run_with(std::uint64_t generation, const std::vector<int>& fds) const;

 private:
  std::string socket_path_;
  uid_t uid_;
  Fd line_, page_fd_;
  std::optional<LatchPage> page_;
  Ready ready_;
};

}  // namespace cordon::test
