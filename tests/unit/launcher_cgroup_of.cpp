// Which cgroup a process is in, by its /proc/PID/cgroup.
#include <catch2/catch.hpp>

#include "sandbox/launcher/cgroup_layout.hpp"

namespace cordon {

TEST_CASE("a process's cgroup is found by its controller, alone or with others, and by none for v2") {
  constexpr auto text = "5:pids:/a/job-1\n4:cpu,cpuacct:/b/job-1\n1:name=systemd:/\n0::/c/jobs/job-1\n";
  CHECK(cgroup_of(text, "pids") == "/a/job-1");
  CHECK(cgroup_of(text, "cpuacct") == "/b/job-1");
  CHECK(cgroup_of(text, "") == "/c/jobs/job-1");
  CHECK(cgroup_of(text, "memory").empty());
  CHECK(cgroup_of("0::/with:colon\n", "") == "/with:colon");
}

}  // namespace cordon
