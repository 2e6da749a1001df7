#include "sandbox/init/landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

namespace {

// Debian 12's header ends with ABI 2.
struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};
constexpr std::uint64_t fs_truncate = 1ULL << 14;                          // ABI 3
constexpr std::uint64_t fs_ioctl_dev = 1ULL << 15;                         // ABI 5
constexpr std::uint64_t scope_abstract_unix_socket = 1, scope_signal = 2;  // ABI 6

constexpr std::uint64_t reading =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t device_nodes = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

std::uint64_t file_rights_of(int abi) {
  auto rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1U;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= fs_truncate;
  if (abi >= 5) rights |= fs_ioctl_dev;
  return rights;
}

void allow_beneath(int ruleset, const char* path, std::uint64_t rights) {
  const Fd directory(check(::open(path, O_PATH | O_CLOEXEC), "open for Landlock", path));
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = directory.get();
  check(::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0), "add a Landlock rule for",
        path);
}

// Landlock is asked before capabilities are (mknod(2)): without it the answer would be EPERM.
void expect_refusal() {
  constexpr const char* path = "/work/.cordon-landlock";
  if (::mknod(path, S_IFCHR | 0600, ::makedev(1, 3)) == 0) ::unlink(path), errno = 0;
  if (errno != EACCES)
    throw KernelError("read back", "Landlock", errno, "the kernel accepted the rules and does not enforce them");
}

// The one device node that needs no capability, and that some kernels' Landlock takes for none, among them
// Debian's 6.1: the report says what this kernel does.
bool refuses_whiteouts() {
  constexpr const char* path = "/work/.cordon-whiteout";
  const int made = ::mknod(path, S_IFCHR | 0600, 0);
  if (made < 0 && errno == EACCES) return true;
  check(made, "try whether Landlock refuses a whiteout at", path);  // any other answer says nothing about it
  check(::unlink(path), "take away", path);
  return false;
}

// 0: this kernel has none, or has it switched off (landlock_create_ruleset(2)). That we could not find out is no
// absence.
int find_abi() {
  const auto abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) return 0;
  return static_cast<int>(check(abi, "ask for the version of Landlock"));
}

}  // namespace

ReadBack restrict_with_landlock(const InitPlan& plan) {
  const auto abi = find_abi();
  if (abi < static_cast<int>(plan.landlock_min_abi))
    throw KernelError("apply Landlock", "ABI " + std::to_string(abi) + " is less than the profile's min_abi", ENOSYS,
                      "boot a kernel with lsm=landlock,…, or lower landlock.min_abi");
  if (abi == 0) return {{"landlock.abi", "absent"}};

  RulesetAttributes attributes;
  const auto all = attributes.handled_access_fs = file_rights_of(abi);
  attributes.scoped = abi >= 6 ? scope_abstract_unix_socket | scope_signal : 0;
  const Fd ruleset(static_cast<int>(
      check(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0), "create a Landlock ruleset")));
  const auto writing = all & ~device_nodes;
  allow_beneath(ruleset.get(), "/", plan.writable_image ? writing : reading);
  allow_beneath(ruleset.get(), "/dev", all & (reading | LANDLOCK_ACCESS_FS_WRITE_FILE | fs_truncate | fs_ioctl_dev));
  for (const char* scratch : {"/work", "/tmp", "/dev/shm"}) allow_beneath(ruleset.get(), scratch, writing);
  check(::syscall(SYS_landlock_restrict_self, ruleset.get(), 0), "apply Landlock");
  expect_refusal();
  const std::string nodes = refuses_whiteouts() ? "no device nodes" : "no device nodes but whiteouts";
  return {{"landlock.abi", std::to_string(abi)},
          {"landlock.fs", plan.writable_image ? nodes : "write in /work /tmp /dev/shm only; " + nodes},
          {"landlock.scoped", abi >= 6 ? "abstract_unix_socket signal" : "none"}};
}

}  // namespace cordon
