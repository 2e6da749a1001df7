// What an instance holds of the machine at one moment, to be compared with another moment: the leak tests' measure.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace cordon::test {

struct Counts {
  std::size_t processes = 0;        // with a uid of the instance's jobs, or a descendant of launcher or daemon
  std::size_t mounts_here = 0;      // in this process's namespace
  std::size_t mounts_launcher = 0;  // in the launcher's
  std::size_t cgroups = 0;          // directories beneath the instance's, in every hierarchy
  std::size_t net_namespaces = 0;   // that any of these processes is in
  std::size_t fds_launcher = 0, fds_daemon = 0;
  bool operator==(const Counts&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Counts& counts);

struct Whose {
  std::string instance;
  std::uint32_t first_uid = 0, uid_count = 0;
  pid_t launcher = -1, daemon = -1;
};

Counts count(const Whose& whose);

std::vector<std::string> instance_cgroups(const std::string& instance);  // paths, parents first
std::vector<pid_t> job_processes(const Whose& whose);                    // whose uid is one of the jobs', and alive
pid_t parent_of(pid_t pid);
std::size_t count_fds(pid_t pid);

}  // namespace cordon::test
