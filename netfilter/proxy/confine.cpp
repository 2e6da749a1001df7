#include "netfilter/proxy/confine.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <initializer_list>
#include <memory>

#include "netfilter/proxy/system_call.hpp"

namespace cordon::egress {

namespace {

// What Asio, c-ares, libc and the relay call, by what for.
constexpr std::array calls{
    // bytes
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(close),
    SCMP_SYS(pipe2),
    SCMP_SYS(splice),
    // sockets
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(connect),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown),
    SCMP_SYS(ioctl),
    SCMP_SYS(fcntl),
    // waiting
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(poll),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(futex),
    // memory, chance, the end
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(getrandom),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

void checked_rule(int rc, const char* tried) {
  if (rc < 0) throw std::system_error(-rc, std::generic_category(), tried);
}

struct SocketKind {
  int type, protocol;  // 0: the usual one of the type
};
constexpr std::array<SocketKind, 4> kinds{
    {{SOCK_STREAM, 0}, {SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, 0}, {SOCK_DGRAM, IPPROTO_UDP}}};

// The kernel reads 32 bits of each.
scmp_arg_cmp equal(unsigned int argument, std::uint64_t mask, int value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, static_cast<std::uint64_t>(value)};
}

void allow_sockets(scmp_filter_ctx filter) {
  constexpr std::uint64_t all = 0xffffffff, without_flags = 0xf;
  for (const auto family : {AF_INET, AF_INET6}) {
    for (const auto& kind : kinds) {
      const std::array<scmp_arg_cmp, 3> arguments{equal(0, all, family), equal(1, without_flags, kind.type),
                                                  equal(2, all, kind.protocol)};
      checked_rule(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), arguments.size(), arguments.data()),
                   "allow sockets");
    }
  }
}

void expect_no_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  checked(::syscall(SYS_capget, &header, sets), "read the capabilities");
  for (const auto& set : sets)
    if ((set.effective | set.permitted | set.inheritable) != 0)
      throw std::system_error(EPERM, std::generic_category(), "refuse to run with capabilities");
}

void drop_bounding_set() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    checked(::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "drop a capability");
}

void become(const Identity& identity) {
  if (identity.uid == 0 || identity.gid == 0)
    throw std::system_error(EPERM, std::generic_category(), "refuse to run as root: give --uid and --gid");
  drop_bounding_set();
  checked(::setgroups(0, nullptr), "give up the groups");
  checked(::setresgid(identity.gid, identity.gid, identity.gid), "change the group");
  checked(::setresuid(identity.uid, identity.uid, identity.uid), "change the user");
}

}  // namespace

void give_up_rights(const std::optional<Identity>& identity) {
  if (::geteuid() == 0)
    become(identity.value_or(Identity{}));
  else if (identity && identity->uid != ::getuid())
    throw std::system_error(EPERM, std::generic_category(), "only root can become another user");
  if (::getuid() == 0 || ::geteuid() == 0) throw std::system_error(EPERM, std::generic_category(), "still root");
  expect_no_capabilities();
  checked(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
  checked(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "become non-dumpable");
}

void allow_many_files() {
  rlimit limit{};
  checked(::getrlimit(RLIMIT_NOFILE, &limit), "read the limit of open files");
  limit.rlim_cur = limit.rlim_max;
  checked(::setrlimit(RLIMIT_NOFILE, &limit), "raise the limit of open files");
}

void confine() {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release);
  if (!filter) throw std::system_error(ENOMEM, std::generic_category(), "make a filter");
  checked_rule(seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "refuse foreign calls");
  for (const auto call : calls) checked_rule(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0), "allow a call");
  allow_sockets(filter.get());
  checked_rule(seccomp_load(filter.get()), "load the filter");
}

}  // namespace cordon::egress
