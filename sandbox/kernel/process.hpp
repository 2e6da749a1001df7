// Children held by pidfd (pidfd_open(2), clone3(2)), and descriptors put where a new program expects them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

// A child that is killed and reaped when this goes out of scope unless wait() was called.
struct Child {
  pid_t pid = -1;  // 0 in the child itself
  Fd pidfd;

  Child() = default;
  Child(Child&&) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  void kill() const;
  void abandon() { pid = -1; }  // one that hangs in the kernel: nobody waits for it any more
  int wait();                   // the exit code; 256 + signal when it was killed
};

// clone3 with CLONE_PIDFD and `flags`; a cgroup directory >= 0 adds CLONE_INTO_CGROUP.
Child clone_child(std::uint64_t flags, int cgroup = -1);
inline Child fork_with_pidfd() {
  return clone_child(0);
}

// Makes fds[i] be descriptor first + i, inheritable, and closes everything else from `first` on. The order of the
// originals does not matter.
void place_descriptors(const std::vector<int>& fds, int first);

// Root as another effective user while it lives. The owner of a user namespace has every capability in it (user_
// namespaces(7)), also those that a root in a container has not. Its end with its parent stays as it was.
class EffectiveUser {
 public:
  explicit EffectiveUser(std::uint32_t uid);
  ~EffectiveUser();
  void leave();  // throws when it fails; left to the destructor, that failure is the end of this process
  EffectiveUser(const EffectiveUser&) = delete;
  EffectiveUser& operator=(const EffectiveUser&) = delete;

 private:
  bool left_ = false;
};

}  // namespace cordon
