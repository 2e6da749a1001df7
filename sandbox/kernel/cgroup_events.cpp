#include "sandbox/kernel/cgroup_events.hpp"

#include <fcntl.h>
#include <poll.h>

#include <array>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"

namespace cordon {

bool wait_until_empty(const std::string& cgroup, std::chrono::milliseconds patience) {
  const auto path = cgroup + "/cgroup.events";
  const Fd events(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!events && errno == ENOENT) return true;
  check(events.get(), "open", path);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    std::array<char, 256> text{};
    const auto n = ::pread(events.get(), text.data(), text.size(), 0);
    if (n < 0 && errno == ENODEV) return true;  // removed meanwhile
    check(n, "read", path);
    if (find_value({text.data(), static_cast<std::size_t>(n)}, "populated") == 0) return true;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd changed{events.get(), POLLPRI, 0};  // cgroups(7): a change of cgroup.events wakes poll
    ::poll(&changed, 1, static_cast<int>(left.count()));
  }
}

}  // namespace cordon
