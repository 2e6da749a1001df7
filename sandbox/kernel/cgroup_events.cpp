#include "sandbox/kernel/cgroup_events.hpp"

#include <fcntl.h>
#include <poll.h>

#include <array>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"

namespace cordon {

Fd open_cgroup_events(const std::string& cgroup) {
  const auto path = cgroup + "/cgroup.events";
  return Fd(check(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open", path));
}

bool is_populated(const Fd& events) {
  std::array<char, 256> text{};
  const auto n = ::pread(events.get(), text.data(), text.size(), 0);
  if (n < 0 && errno == ENODEV) return false;  // removed meanwhile
  check(n, "read", "cgroup.events");
  return find_value({text.data(), static_cast<std::size_t>(n)}, "populated") != 0;
}

bool wait_until_empty(const std::string& cgroup, std::chrono::milliseconds patience) {
  const auto path = cgroup + "/cgroup.events";
  const Fd events(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!events && errno == ENOENT) return true;
  check(events.get(), "open", path);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (!is_populated(events)) return true;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd changed{events.get(), POLLPRI, 0};  // cgroups(7): a change of cgroup.events wakes poll
    ::poll(&changed, 1, static_cast<int>(left.count()));
  }
}

}  // namespace cordon
