#include "sandbox/init/self_probe.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "sandbox/kernel/bpf.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {
namespace {

constexpr int family_alg = 38, family_vsock = 40, family_xdp = 44;

// Arguments are such that a kernel which gets to look at them answers something else than a refusal, or succeeds.
struct ForbiddenCall {
  const char* name;
  long number;
  std::array<unsigned long, 6> arguments;
};

unsigned long address(const void* p) {
  return reinterpret_cast<unsigned long>(p);
}

// With a core limit of 0 a piped core_pattern would start its handler as root on the host.
constexpr rlimit no_core{0, 0};

const auto forbidden_calls = std::to_array<ForbiddenCall>({
    {"mount", SYS_mount, {address("none"), address("/tmp"), address("tmpfs"), 0, 0}},
    {"umount2", SYS_umount2, {address("/work"), MNT_DETACH}},
    {"pivot_root", SYS_pivot_root, {address("."), address(".")}},
    {"chroot", SYS_chroot, {address("/work")}},
    {"unshare(CLONE_NEWUSER)", SYS_unshare, {CLONE_NEWUSER}},
    {"setns", SYS_setns, {0, 0}},
    {"open_tree", SYS_open_tree, {0, address("/work"), 1}},
    {"fsopen", SYS_fsopen, {address("tmpfs"), 0}},
    {"ptrace(PTRACE_TRACEME)", SYS_ptrace, {PTRACE_TRACEME, 0, 0, 0}},
    {"bpf", SYS_bpf, {0, 0, 0}},
    {"perf_event_open", SYS_perf_event_open, {0, 0, 0, 0, 0}},
    {"userfaultfd", SYS_userfaultfd, {1}},
    {"io_uring_setup", SYS_io_uring_setup, {1, 0}},
    {"keyctl", SYS_keyctl, {KEYCTL_GET_KEYRING_ID, static_cast<unsigned long>(-3), 0}},
    {"add_key", SYS_add_key, {0, 0, 0, 0, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {0, 0, 0}},
    {"init_module", SYS_init_module, {0, 0, 0}},
    {"kexec_load", SYS_kexec_load, {0, 0, 0, 0}},
    {"reboot", SYS_reboot, {0, 0, 0, 0}},
    {"fanotify_init", SYS_fanotify_init, {0, 0}},
    {"quotactl", SYS_quotactl, {0, 0, 0, 0}},
    {"clone3", SYS_clone3, {0, 0}},
    {"prlimit64(RLIMIT_CORE)", SYS_prlimit64, {0, RLIMIT_CORE, address(&no_core), 0}},
    {"socket(AF_ALG)", SYS_socket, {family_alg, SOCK_SEQPACKET, 0}},
    {"socket(AF_VSOCK)", SYS_socket, {family_vsock, SOCK_STREAM, 0}},
    {"socket(AF_XDP)", SYS_socket, {family_xdp, SOCK_RAW, 0}},
    {"socket(AF_PACKET)", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
    {"socket(bit 32 set)", SYS_socket, {(1UL << 32) | family_vsock, SOCK_STREAM, 0}},
    {"socket(AF_INET, SOCK_RAW)", SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_ICMP}},
});

[[noreturn]] void not_refused(const char* what, int error) {
  throw KernelError("self-probe", std::string(what) + " was not refused", error,
                    "the profile's filter or the kernel does not enforce this; run cordon profile check");
}

std::uint32_t planned_answer(const std::string& program, const ForbiddenCall& call) {
  seccomp_data data{};
  data.nr = static_cast<int>(call.number);
  data.arch = AUDIT_ARCH_X86_64;
  std::copy(call.arguments.begin(), call.arguments.end(), std::begin(data.args));
  return evaluate(program, data).action;
}

bool would_be_refused(const InitPlan& plan, const ForbiddenCall& call) {
  return (planned_answer(plan.refusals, call) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

void try_refused_call(const InitPlan& plan, const ForbiddenCall& call, Probed& probed) {
  const auto& a = call.arguments;
  const auto rc = ::syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (rc >= 0) not_refused(call.name, 0);
  if (errno != static_cast<int>(planned_answer(plan.refusals, call) & SECCOMP_RET_DATA)) not_refused(call.name, errno);
  ++probed.refused;
  if (planned_answer(plan.filter, call) == SECCOMP_RET_USER_NOTIF) ++probed.recorded;
}

void try_calls(const InitPlan& plan, Probed& probed) {
  std::string permitted;
  for (const auto& call : forbidden_calls) {
    const auto answer = planned_answer(plan.refusals, call) & SECCOMP_RET_ACTION_FULL;
    if (answer == SECCOMP_RET_ERRNO) {
      try_refused_call(plan, call, probed);
    } else if (answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG) {
      permitted += (permitted.empty() ? "" : ", ") + std::string(call.name);
    }  // else: it would end this process, and is not tried
  }
  probed.facts.emplace_back("seccomp.permitted_by_profile", permitted.empty() ? "none of the dangerous" : permitted);
}

void try_to_create(const char* path, Probed& probed) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) not_refused(path, 0);
  if (errno != EROFS) not_refused(path, errno);
  ++probed.refused;
}

// Nothing but loopback: a datagram has no route. A profile without sockets refuses earlier.
void try_to_reach(const InitPlan& plan, int family, const char* where, Probed& probed) {
  const ForbiddenCall call{where, SYS_socket, {static_cast<unsigned long>(family), SOCK_DGRAM | SOCK_CLOEXEC, 0}};
  if (would_be_refused(plan, call)) return try_refused_call(plan, call, probed);
  const Fd socket(check(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), "self-probe: make a socket to reach", where));
  sockaddr_in6 six{};
  sockaddr_in four{};
  const bool is_four = family == AF_INET;
  four.sin_family = AF_INET;
  four.sin_port = six.sin6_port = htons(9);
  six.sin6_family = AF_INET6;
  ::inet_pton(family, where, is_four ? static_cast<void*>(&four.sin_addr) : static_cast<void*>(&six.sin6_addr));
  const auto* to = is_four ? reinterpret_cast<const sockaddr*>(&four) : reinterpret_cast<const sockaddr*>(&six);
  if (::connect(socket.get(), to, is_four ? sizeof four : sizeof six) == 0) not_refused(where, 0);
  if (errno != ENETUNREACH && errno != EADDRNOTAVAIL && errno != EACCES && errno != EPERM) not_refused(where, errno);
  ++probed.refused;
}

}  // namespace

Probed probe_confinement(const InitPlan& plan, ReadBack facts) {
  Probed probed{0, 0, std::move(facts)};
  try_calls(plan, probed);
  try_to_create("/dev/.cordon-probe", probed);
  if (!plan.writable_image)
    for (const char* path : {"/.cordon-probe", "/etc/.cordon-probe"}) try_to_create(path, probed);
  try_to_reach(plan, AF_INET, "192.0.2.1", probed);  // RFC 5737: documentation, never routed
  try_to_reach(plan, AF_INET6, "2001:db8::1", probed);
  return probed;
}

}  // namespace cordon
