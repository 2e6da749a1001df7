#include "sandbox/launcher/build.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstring>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/kernel/mount.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/launcher/image_view.hpp"

namespace cordon {

namespace {

// Writing "0" moves the writer itself, cheaply; its pid written by another would cost an RCU grace period.
void join_legacy_cgroups(const std::vector<Fd>& tasks) {
  for (const auto& file : tasks) check(::write(file.get(), "0", 1), "join a v1 cgroup");
}

// Only now, in its cgroups: a namespace made by clone3 would have the launcher's cgroup as its root.
void enter_cgroup_namespace() {
  check(::unshare(CLONE_NEWCGROUP), "enter a cgroup namespace");
}

void set_host_name() {
  check(::sethostname("cordon", 6), "set the host name");
}

void bring_up_loopback() {
  const Fd socket(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open a socket for loopback"));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  check(::ioctl(socket.get(), SIOCGIFFLAGS, &request), "read the flags of", "lo");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  check(::ioctl(socket.get(), SIOCSIFFLAGS, &request), "bring up", "lo");
}

struct Node {
  const char* name;
  unsigned minor;
};
constexpr Node memory_devices[] = {{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}};

Fd make_dev() {
  auto dev = new_mount("tmpfs", {{"mode", "0755"}, {"size", "64k"}, {"nr_inodes", "32"}},
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  const auto old_mask = ::umask(0);
  for (const auto& node : memory_devices)
    check(::mknodat(dev.get(), node.name, S_IFCHR | 0666, makedev(1, node.minor)), "make device", node.name);
  check(::mknodat(dev.get(), "tty", S_IFCHR | 0666, makedev(5, 0)), "make device", "tty");
  ::umask(old_mask);
  constexpr const char* links[][2] = {{"/proc/self/fd", "fd"},
                                      {"/proc/self/fd/0", "stdin"},
                                      {"/proc/self/fd/1", "stdout"},
                                      {"/proc/self/fd/2", "stderr"}};
  for (const auto& [target, name] : links) check(::symlinkat(target, dev.get(), name), "make link", name);
  check(::mkdirat(dev.get(), "shm", 0755), "make directory", "shm");
  return dev;
}

// By names in the new root itself, where no link of an image is followed.
void assemble_root(const BuildInputs& in) {
  attach(in.workspace.mount(), Images::place_for_scratch());
  if (in.plan.init.writable_image)
    attach_writable_image(in.images, in.plan.view, in.plan.lease.tool_uid);
  else
    attach_image(in.images, in.plan.view);
  check(::chdir(Images::place_for_root().c_str()), "chdir to the new root");
  attach(make_dev(), "dev");
  attach(new_mount("proc", {{"subset", "pid"}},
                   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
         "proc");
  const auto scratch = open_directory(Images::place_for_scratch());
  attach(clone_tree(scratch.get(), "work"), "work");
  attach(clone_tree(scratch.get(), "tmp"), "tmp");
  attach(clone_tree(scratch.get(), "shm"), "dev/shm");
  if (!in.plan.egress.empty()) {
    const auto hosts = clone_tree(scratch.get(), "hosts");
    restrict_tree(hosts.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC);
    attach(hosts, "etc/hosts");  // a file of ours, in every view
  }
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  check(::mount_setattr(AT_FDCWD, "dev", 0, &read_only, sizeof read_only), "make read-only", "/dev");
}

// pivot_root(2): with both arguments "." the old root ends up on top of the new one, in which we are, and is taken off.
void enter_root() {
  check(::syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(::umount2(".", MNT_DETACH), "detach the old root");
  check(::chdir("/"), "chdir to", "/");
}

[[noreturn]] void start_init(const BuildInputs& in) {
  const auto program = in.init_program;
  place_descriptors({in.standard_in, in.standard_out, in.standard_error, in.init_control, in.tool_control, in.init_plan,
                     in.payload, in.namespace_limits, in.denials, in.library, program},
                    0);
  check(::fcntl(init_first_free_fd, F_SETFD, FD_CLOEXEC), "set close-on-exec");
  char name[] = "cordon-init";
  char* const argv[] = {name, nullptr};
  char* const env[] = {nullptr};
  ::syscall(SYS_execveat, init_first_free_fd, "", argv, env, AT_EMPTY_PATH);
  throw KernelError("execute", "cordon-init", errno);
}

void build(const BuildInputs& in) {
  join_legacy_cgroups(in.tasks);
  enter_cgroup_namespace();
  set_host_name();
  bring_up_loopback();
  in.images.enter_copy();
  assemble_root(in);
  enter_root();
  start_init(in);
}

void tell_launcher(const Fd& socket, const StepFailed& failed) {
  const auto message = encode(InitMessage(failed));
  if (::write(socket.get(), message.data(), message.size()) < 0)
    (void)!::write(tool_control_fd, message.data(), message.size());
}

}  // namespace

void become_sandbox(const BuildInputs& in) {
  // start_init moves the socket to its final number: whichever is valid when a step fails.
  const Fd tell(::fcntl(in.tool_control, F_DUPFD_CLOEXEC, init_first_free_fd + 2));
  try {
    build(in);
  } catch (const KernelError& e) {
    tell_launcher(tell, {e.step, e.object, e.error, e.remedy});
  } catch (const std::exception& e) {
    tell_launcher(tell, {"build the sandbox", e.what(), ENOMEM, "give the host more memory"});
  }
  ::_exit(1);
}

}  // namespace cordon
