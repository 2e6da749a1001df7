#include "tests/bench/host_view.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <cstdlib>

#include "sandbox/kernel/check.hpp"

namespace cordon::bench {
namespace {

Fd own_mount_namespace() {
  return Fd(check(::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC), "open", "/proc/thread-self/ns/mnt"));
}

// setns(2) into a mount namespace wants a thread that shares its current directory with no other.
void enter(const Fd& mounts) {
  check(::unshare(CLONE_FS), "unshare");
  check(::setns(mounts.get(), CLONE_NEWNS), "setns");
}

}  // namespace

HostView::HostView(const std::vector<std::string>& hidden) : before_(own_mount_namespace()) {
  check(::unshare(CLONE_NEWNS), "unshare");
  view_ = own_mount_namespace();
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make private", "/");
  for (const auto& directory : hidden)
    check(::mount("tmpfs", directory.c_str(), "tmpfs", 0, "mode=755"), "mount tmpfs on", directory);
  enter(before_);
}

HostView::Inside::Inside(const HostView& view) : view_(view) {
  enter(view.view_);
}

HostView::Inside::~Inside() {
  // A measurement that went on in the wrong namespace would say nothing.
  if (::setns(view_.before_.get(), CLONE_NEWNS) != 0) std::abort();
}

}  // namespace cordon::bench
