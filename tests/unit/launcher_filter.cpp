// The golden table: what the compiled filters say, read out of the program itself.
#include "sandbox/launcher/filter.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "sandbox/kernel/bpf.hpp"
#include "sandbox/launcher/filter_ranges.hpp"
#include "tests/unit/bpf_interpreter.hpp"

using namespace cordon;
using test::Call;

namespace {

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t killed = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t eperm = SECCOMP_RET_ERRNO | 1;
constexpr std::uint32_t enosys = SECCOMP_RET_ERRNO | 38;

std::string contents(const std::string& path) {
  std::ifstream file(std::string(CORDON_SOURCE_DIR "/") + path);
  REQUIRE(file);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

Profile shipped(const std::string& name) {
  const auto beside = [](std::string_view file) { return contents("profiles/data/" + std::string(file)); };
  auto profile = parse_profile(name, contents("profiles/data/" + name + ".json"), beside);
  if (!profile) FAIL(name << profile.error().at(0).pointer << " " << profile.error().at(0).detail);
  return *profile;
}

std::uint32_t number(const std::string& name) {
  const int n = seccomp_syscall_resolve_name(name.c_str());
  REQUIRE(n >= 0);
  return static_cast<std::uint32_t>(n);
}

// Without what compile_filter makes of it.
std::string as_libseccomp_writes_it(const SeccompPolicy& policy) {
  auto* const context = seccomp_init(SCMP_ACT_ERRNO(policy.default_action.errno_value));
  REQUIRE(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0);
  REQUIRE(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0);
  for (const auto& rule : policy.rules) {
    for (const auto& name : rule.names) {
      std::vector<scmp_arg_cmp> args;
      for (const auto& arg : rule.args) args.push_back({arg.index, SCMP_CMP_EQ, arg.value, 0});
      const auto action =
          rule.action.verdict == SeccompVerdict::allow ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(rule.action.errno_value);
      seccomp_rule_add_array(context, action, seccomp_syscall_resolve_name(name.c_str()),
                             static_cast<unsigned>(args.size()), args.data());
    }
  }
  std::FILE* const file = std::tmpfile();
  REQUIRE(seccomp_export_bpf(context, fileno(file)) == 0);
  seccomp_release(context);
  std::string bpf(static_cast<std::size_t>(::lseek(fileno(file), 0, SEEK_END)), '\0');
  REQUIRE(::pread(fileno(file), bpf.data(), bpf.size(), 0) == static_cast<ssize_t>(bpf.size()));
  std::fclose(file);
  return bpf;
}

// Every number that there is and some that there are not, with arguments that rules look at.
std::vector<seccomp_data> many_calls() {
  std::vector<std::uint32_t> numbers{0x3fffffff, 0x40000000, 0x40000001, 0x7fffffff,
                                     0x80000000, 0xfffffffe, 0xffffffff};
  for (std::uint32_t n = 0; n < 700; ++n) numbers.push_back(n);
  std::vector<seccomp_data> calls;
  for (const auto n : numbers)
    for (const std::uint32_t arch : {0xc000003eU, 0x40000003U, 0U})
      for (const std::uint64_t value :
           {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{8}, std::uint64_t{10},
            std::uint64_t{16}, std::uint64_t{40}, std::uint64_t{0x20000}, std::uint64_t{0x7e020000},
            std::uint64_t{0xffffffff}, std::uint64_t{1} << 32, (std::uint64_t{1} << 32) | 1, ~std::uint64_t{0}}) {
        seccomp_data call{};
        call.nr = static_cast<int>(n);
        call.arch = arch;
        std::fill(std::begin(call.args), std::end(call.args), value);
        calls.push_back(call);
      }
  return calls;
}

class Filter {
 public:
  explicit Filter(const std::string& profile) : bpf_(compile_filter(shipped(profile).seccomp).bpf) {}
  std::uint32_t raw_call(const Call& call) const { return test::verdict(bpf_, call); }
  std::uint32_t operator()(const std::string& name, std::array<std::uint64_t, 6> args = {}) const {
    return raw_call(Call{number(name), args});
  }

 private:
  std::string bpf_;
};

constexpr std::uint64_t bit_32 = std::uint64_t{1} << 32;
constexpr std::uint64_t af_unix = 1, af_inet = 2, af_inet6 = 10, stream = 1, datagram = 2, raw = 3;

}  // namespace

TEST_CASE("every shipped profile loads, and libseccomp knows every call in it") {
  for (const auto* name : {"default", "compile", "strict", "root-inside"}) {
    CAPTURE(name);
    const auto profile = shipped(name);
    CHECK_FALSE(profile.why.empty());
    for (const auto& rule : profile.seccomp.rules) CHECK_FALSE(rule.why.empty());
    CHECK(profile.seccomp.left_out.empty());
    const auto filter = compile_filter(profile.seccomp);
    CHECK(filter.unknown_calls.empty());
    CHECK(filter.sha256 == sha256(filter.recording));
    CHECK(compile_filter(profile.seccomp).bpf == filter.bpf);
  }
}

TEST_CASE("foreign system calls are killed whatever their number", "[threat:foreign-abi]") {
  for (const auto* name : {"default", "strict"}) {
    const Filter filter(name);
    for (std::uint32_t n : {0u, 1u, 3u, 59u, 11u, 1000u}) {
      CHECK(filter.raw_call({n, {}, 0x40000003}) == killed);  // int 0x80: i386
      CHECK(filter.raw_call({n, {}, 0xc00000b7}) == killed);  // aarch64
      CHECK(filter.raw_call({n | 0x40000000}) == killed);     // x32
    }
    for (std::uint32_t n : {0x40000000u, 0x40000208u, 0x7fffffffu, 0x80000000u, 0xfffffffeu})
      CHECK(filter.raw_call({n}) == killed);
    CHECK(filter.raw_call({0xffffffff}) == enosys);  // -1 is what a tracer sets to skip a call, and no call
  }
}

TEST_CASE("numbers that nobody knows answer ENOSYS, so that C libraries fall back", "[threat:dangerous-calls]") {
  for (const auto* name : {"default", "strict"}) {
    const Filter filter(name);
    for (std::uint32_t n = 450; n < 1024; ++n) CHECK(filter.raw_call({n}) == enosys);
    CHECK(filter("clone3") == enosys);
  }
}

TEST_CASE("what programs need is permitted") {
  for (const auto* name : {"default", "strict"}) {
    const Filter filter(name);
    for (const auto* call : {"read", "write", "openat", "mmap", "execve", "exit_group", "futex", "wait4"}) {
      CAPTURE(name, call);
      CHECK(filter(call) == allow);
    }
  }
}

TEST_CASE("what is known to be dangerous answers EPERM", "[threat:dangerous-calls]") {
  for (const auto* name : {"default", "strict"}) {
    const Filter filter(name);
    for (const auto* call : {"mount",
                             "umount2",
                             "pivot_root",
                             "chroot",
                             "open_tree",
                             "move_mount",
                             "fsopen",
                             "fsmount",
                             "fspick",
                             "mount_setattr",
                             "unshare",
                             "setns",
                             "ptrace",
                             "process_vm_readv",
                             "process_vm_writev",
                             "pidfd_getfd",
                             "kcmp",
                             "bpf",
                             "perf_event_open",
                             "seccomp",
                             "io_uring_setup",
                             "userfaultfd",
                             "add_key",
                             "keyctl",
                             "request_key",
                             "init_module",
                             "kexec_load",
                             "open_by_handle_at",
                             "reboot",
                             "swapon",
                             "quotactl",
                             "vmsplice",
                             "fanotify_init",
                             "setgroups",
                             "capset",
                             "sethostname",
                             "clock_settime",
                             "iopl",
                             "modify_ldt",
                             "acct"}) {
      CAPTURE(name, call);
      CHECK(filter(call) == eperm);
    }
  }
}

TEST_CASE("the strict profile permits nothing that the default profile refuses") {
  const auto permitted = [](const std::string& profile) {
    std::vector<std::string> names;
    for (const auto& rule : shipped(profile).seccomp.rules) {
      if (rule.action.verdict == SeccompVerdict::allow) names.insert(names.end(), rule.names.begin(), rule.names.end());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  };
  const auto all = permitted("default"), few = permitted("strict");
  CHECK(std::includes(all.begin(), all.end(), few.begin(), few.end()));
  CHECK(all.size() <= 200);
  CHECK(few.size() <= 110);
}

TEST_CASE("only stream and datagram sockets of local and Internet families can be made", "[threat:socket-families]") {
  const Filter filter("default");
  for (std::uint64_t family = 0; family < 64; ++family) {
    for (std::uint64_t type = 0; type < 16; ++type) {
      const bool is_local = family == af_unix && (type == stream || type == datagram || type == 5);
      const bool is_internet = (family == af_inet || family == af_inet6) && (type == stream || type == datagram);
      CAPTURE(family, type);
      CHECK((filter("socket", {family, type, 0}) == allow) == (is_local || is_internet));
      CHECK((filter("socket", {family, type | 0x80800, 0}) == allow) == (is_local || is_internet));
    }
  }
  CHECK(filter("socket", {af_inet, stream, 6}) == allow);
  CHECK(filter("socket", {af_inet, datagram, 17}) == allow);
  CHECK(filter("socket", {af_inet, datagram, 1}) != allow);  // ICMP
  CHECK(filter("socket", {af_inet, stream, 132}) != allow);  // SCTP
  CHECK(filter("socket", {af_inet, stream, 262}) != allow);  // MPTCP
  CHECK(filter("socket", {af_inet, raw, 255}) != allow);
}

TEST_CASE("a family with bit 32 set is refused, though the kernel would read only the rest", "[threat:range-rules]") {
  const Filter filter("default");
  for (std::uint64_t family : {1, 2, 10, 16, 17, 38, 40, 44}) {
    CHECK(filter("socket", {bit_32 | family, stream, 0}) != allow);
    CHECK(filter("socketpair", {bit_32 | family, stream, 0}) != allow);
  }
}

TEST_CASE("processes and threads can be made, namespaces cannot", "[threat:clone3]") {
  for (const auto* name : {"default", "strict"}) {
    const Filter filter(name);
    CHECK(filter("clone", {0x1200011}) == allow);  // as fork(3) calls it
    CHECK(filter("clone", {0x3d0f00}) == allow);   // as pthread_create(3) does
    for (std::uint64_t bit : {0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000}) {
      CHECK(filter("clone", {bit | 17}) == eperm);
      CHECK(filter("clone", {bit_32 | bit | 17}) == eperm);
      CHECK(filter("clone", {bit | 0x3d0f00}) == eperm);
    }
  }
}

TEST_CASE("nothing can be typed into a terminal", "[threat:tty-ioctl]") {
  for (const auto* name : {"default", "strict"}) {
    const Filter filter(name);
    CHECK(filter("ioctl", {0, 0x5401}) == allow);  // TCGETS: isatty(3)
    for (std::uint64_t high : {std::uint64_t{0}, bit_32, std::uint64_t{0xffffffff} << 32}) {
      CHECK(filter("ioctl", {0, high | 0x5412}) == eperm);  // TIOCSTI
      CHECK(filter("ioctl", {0, high | 0x541c}) == eperm);  // TIOCLINUX
    }
    CHECK(filter("ioctl", {0, bit_32 | 0x5401}) != allow);
  }
}

TEST_CASE("out-of-band data is refused on every way to send or receive", "[threat:socket-families]") {
  const Filter filter("default");
  for (std::uint64_t high : {std::uint64_t{0}, bit_32}) {
    for (const auto* call : {"sendmsg", "recvmsg"}) {
      CHECK(filter(call, {3, 0, high | 1}) != allow);
      CHECK(filter(call, {3, 0, high | 0x4000}) == allow);
    }
    for (const auto* call : {"sendto", "recvfrom", "sendmmsg", "recvmmsg"}) {
      CHECK(filter(call, {3, 0, 0, high | 1}) != allow);
      CHECK(filter(call, {3, 0, 0, high | 0x4000}) == allow);
    }
  }
}

TEST_CASE("socket options are a short list") {
  const Filter filter("default");
  CHECK(filter("setsockopt", {3, 1, 2}) == allow);   // SO_REUSEADDR
  CHECK(filter("setsockopt", {3, 6, 1}) == allow);   // TCP_NODELAY
  CHECK(filter("setsockopt", {3, 1, 26}) != allow);  // SO_ATTACH_FILTER
  CHECK(filter("setsockopt", {3, 1, 50}) != allow);  // SO_ATTACH_BPF
  CHECK(filter("setsockopt", {3, 1, 60}) != allow);  // SO_ZEROCOPY
  CHECK(filter("setsockopt", {3, 6, 31}) != allow);  // TCP_ULP
  CHECK(filter("setsockopt", {3, 0, 64}) != allow);  // IPT_SO_SET_REPLACE
}

TEST_CASE("named pipes can be made, devices cannot", "[threat:image-symlink]") {
  const Filter filter("default");
  CHECK(filter("mknod", {0, 0010644}) == allow);
  CHECK(filter("mknodat", {0, 0, 0010644}) == allow);
  CHECK(filter("mknod", {0, 0020644}) == eperm);
  CHECK(filter("mknodat", {0, 0, 0060644}) == eperm);
}

TEST_CASE("a job cannot turn off its address space randomisation", "[threat:dangerous-calls]") {
  const Filter filter("default");
  CHECK(filter("personality", {0xffffffff}) == allow);
  CHECK(filter("personality", {0x0040000}) != allow);
}

TEST_CASE("a file in Moby's format compiles, and what it says too loosely is narrowed and reported",
          "[threat:range-rules]") {
  const auto policy = parse_seccomp_policy(contents("tests/unit/seccomp/moby_format.json"));
  if (!policy) FAIL(policy.error().at(0).pointer << " " << policy.error().at(0).detail);
  CHECK(policy->left_out.size() == 3);
  const auto filter = compile_filter(*policy);
  CHECK(filter.unknown_calls == std::vector<std::string>{"a_call_of_the_future"});
  CHECK(filter.narrowed == std::vector<std::string>{"socket: argument 0 may only be AF_UNIX, AF_INET or AF_INET6"});
  const auto verdict = [&](const std::string& name, std::array<std::uint64_t, 6> args) {
    return test::verdict(filter.bpf, {number(name), args});
  };
  CHECK(verdict("read", {}) == allow);
  CHECK(verdict("mount", {}) == eperm);
  CHECK(verdict("clone3", {}) == enosys);
  CHECK(verdict("clone", {17}) == allow);
  CHECK(verdict("clone", {0x10000011}) == eperm);
  CHECK(verdict("clone", {17, 2114060288}) == allow);  // the rule for s390 is not ours
  CHECK(verdict("socket", {af_inet}) == allow);
  for (std::uint64_t family : {16, 17, 38, 40, 44}) {
    CHECK(verdict("socket", {family}) == eperm);
    CHECK(verdict("socket", {bit_32 | family}) == eperm);
  }
  CHECK(verdict("socket", {0x100000028}) == eperm);
  CHECK(verdict("personality", {bit_32 | 0xffffffff}) == eperm);
}

TEST_CASE("a program by ranges is shorter, and answers every call as libseccomp's own does") {
  for (const auto* name : {"default", "compile", "strict", "root-inside"}) {
    const auto own = as_libseccomp_writes_it(shipped(name).seccomp);
    const auto shorter = by_ranges(own);
    CAPTURE(name, own.size() / 8, shorter.size() / 8);
    CHECK(shorter.size() < own.size());
    CHECK(by_ranges(shorter).size() <= shorter.size());
    std::size_t different = 0;
    for (const auto& call : many_calls()) {
      const auto one = evaluate(own, call), other = evaluate(shorter, call);
      if (one.action != other.action || one.examined != other.examined) ++different;
    }
    CHECK(different == 0);
  }
}

TEST_CASE("a program that is not as libseccomp writes it is left as it is") {
  const std::vector<sock_filter> odd[] = {{{BPF_RET | BPF_K, 0, 0, allow}},
                                          {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
                                           {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 3},
                                           {BPF_RET | BPF_K, 0, 0, allow},
                                           {BPF_RET | BPF_K, 0, 0, killed}},
                                          {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 4},
                                           {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0xc000003e},
                                           {BPF_RET | BPF_K, 0, 0, 0},
                                           {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
                                           {BPF_JMP | BPF_JSET | BPF_K, 0, 1, 1},
                                           {BPF_RET | BPF_K, 0, 0, allow},
                                           {BPF_RET | BPF_K, 0, 0, killed}}};
  for (const auto& program : odd) {
    const std::string bpf(reinterpret_cast<const char*>(program.data()), program.size() * sizeof program[0]);
    CHECK(by_ranges(bpf) == bpf);
  }
}

TEST_CASE("a policy of more rules than a program can hold is refused") {
  SeccompPolicy policy;
  SeccompRule rule{{"kill"}, {SeccompVerdict::allow, 0}, {}, ""};
  for (std::uint32_t i = 0; i < 4; ++i) rule.args.push_back({i, SeccompCompare::ne, 12345, 0});
  policy.rules.push_back(rule);
  CHECK_THROWS(compile_filter(policy));
}

TEST_CASE("what is refused is handed to pid 1, what is allowed is not, and a known fallback is answered at once") {
  const auto filter = compile_filter(shipped("default").seccomp);
  REQUIRE(filter.recording.size() == filter.bpf.size());
  const auto both = [&](const char* name, std::uint64_t first) {
    const Call call{number(name), {first}};
    return std::pair(test::verdict(filter.bpf, call), test::verdict(filter.recording, call));
  };
  using Both = std::pair<std::uint32_t, std::uint32_t>;
  constexpr std::uint32_t notified = SECCOMP_RET_USER_NOTIF;
  CHECK(both("getpid", 0) == Both(allow, allow));
  CHECK(both("bpf", 0) == Both(eperm, notified));
  CHECK(both("socket", 40) == Both(enosys, notified));
  CHECK(both("clone3", 0) == Both(enosys, enosys));
  CHECK(both("pkey_alloc", 0) == Both(enosys, enosys));
}

TEST_CASE("the names of system calls are known by number") {
  const auto names = call_names();
  CHECK(names.at(0) == "read");
  CHECK(names.at(number("bpf")) == "bpf");
  CHECK(names.at(1000).empty());
}
