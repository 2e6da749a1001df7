// The cgroup of one job, in whichever layout the host has. Limits are written and read back; "dead" is `populated 0`.
// Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,pids}.rst.
// Runs in: launcher, as root.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "profiles/limits.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/launcher/cgroup_layout.hpp"
#include "sandbox/report.hpp"

namespace cordon {

class Cgroup {
 public:
  // Makes it, with nothing in it. The name is unique among live jobs of this instance.
  Cgroup(const CgroupLayout& layout, std::string name);
  // One that another process made and that may be gone already; left alone unless destroy() is called.
  static Cgroup adopt(const CgroupLayout& layout, std::string name);
  Cgroup(Cgroup&&) = delete;
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();  // destroys what it made; what cannot be emptied is left for the resident to see

  void name_job(const std::string& id) const;   // for root, who finds the cgroup when nobody else answers
  void set_limits(const Limits& limits);        // those that are other than before; pids: one more, for pid 1
  Facts read_back(const Limits& limits) const;  // throws when the kernel has something else

  Facts expect_member(pid_t pid) const;  // likewise, when the process is not in all of its cgroups

  int directory() const { return directory_.get(); }  // for CLONE_INTO_CGROUP
  std::vector<Fd> open_tasks() const;                 // v1: whoever writes "0" to each joins
  Fd open_events() const;                             // for who outlives us: cgroup.events
  std::optional<Fd> watch_oom() const;                // v1: an eventfd that becomes readable; v2 kills the group itself

  // cgroup.kill: every process, at once. `first` is a pidfd of the first of them, where there is one: it tells sooner
  // than cgroup.events, which says things ten milliseconds apart at least.
  bool kill_and_wait(std::chrono::milliseconds patience, int first = -1);
  bool wait_until_empty(std::chrono::milliseconds patience) const;  // `populated 0`, or gone
  bool exists() const;
  void destroy();  // kill, wait, remove; throws EBUSY when it cannot be emptied

  // While the tool starts, nobody waits for us; when it has ended, its answer does.
  void open_what_tells_the_end() const;
  std::size_t processes() const;  // zombies are none
  std::uint64_t cpu_us() const;
  std::uint64_t memory_used() const;
  std::uint64_t oom_kills() const;
  std::uint64_t forks_denied() const;
  std::optional<std::uint64_t> memory_peak() const;  // with what the preparation took
  std::optional<std::uint64_t> pids_peak() const;    // without pid 1

 private:
  enum class Origin { made, adopted };
  Cgroup(const CgroupLayout& layout, std::string name, Origin origin);
  std::string in(const char* controller, const char* file) const;
  const Fd& held(const char* controller, const char* file, int flags) const;  // none, and errno: it cannot be opened
  void write_limit(const char* controller, const char* file, const std::string& value) const;
  std::string read(const char* controller, const char* file) const;
  std::optional<std::string> read_if_there(const char* controller, const char* file) const;
  const char* oom_file() const;
  const char* memory_peak_file() const;
  void set_memory(std::uint64_t bytes) const;
  void set_cpu(std::uint64_t cpus_milli) const;
  void lift_cpu_limit() const;
  bool wait_for_end(std::chrono::milliseconds patience, int first) const;

  CgroupLayout layout_;
  std::string name_;
  std::string path_;  // in the v2 tree
  Fd directory_;
  std::optional<Limits> limits_;                          // as they were set
  mutable std::map<std::string, Fd, std::less<>> files_;  // by name; each is needed more than once
  bool owned_ = false;
  bool empty_ = false;  // and nothing will enter it any more
};

}  // namespace cordon
