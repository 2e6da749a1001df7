// Bite (issue "Containment, proven", must show): without the rights given up, a tool would have them.
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "sandbox/kernel/check.hpp"
#include "tests/bite/wall.hpp"

using namespace cordon::bite;

namespace {

// In a process of its own, for it restricts itself. Debian's 6.1.0-56 lets them be made, 6.18 does not.
bool landlock_refuses_whiteouts(const std::filesystem::path& directory) {
  const auto path = directory / "whiteout";
  const pid_t child = cordon::check(::fork(), "fork");
  if (child == 0) {
    const std::uint64_t handled = LANDLOCK_ACCESS_FS_MAKE_CHAR;
    const auto rules = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0));
    const bool is_held = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                         ::syscall(SYS_landlock_restrict_self, rules, 0) == 0 &&
                         ::mknod(path.c_str(), S_IFCHR | 0600, 0) < 0 && errno == EACCES;
    ::_exit(is_held ? 1 : 0);
  }
  int status = 0;
  cordon::check(::waitpid(child, &status, 0), "waitpid");
  ::unlink(path.c_str());
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status) == 1;
}

}  // namespace

TEST_CASE("root's files are closed to a tool by its user id and by its user namespace, each alone",
          "[bite][threat:leftover-groups]") {
  const Ground ground;
  expect_bite(ground, {{Step::identity, Step::user_namespace}, over("read", "/secret")});
}

TEST_CASE("root's files are closed to a tool by its capabilities' end, their bounding set and its user namespace",
          "[bite][threat:leftover-groups]") {
  const Ground ground;
  expect_bite(ground, {{Step::capability_sets, Step::bounding_set, Step::user_namespace}, over("read", "/secret")});
}

TEST_CASE("root inside, with the right to read all files of its namespace, does not read root's: by that namespace",
          "[bite][threat:leftover-groups]") {
  const Ground ground;
  auto job = over("read", "/secret");
  job["profile"] = "root-inside";
  expect_bite(ground, {{Step::user_namespace}, job});
}

TEST_CASE("root inside makes no user namespace: by the filter and by max_user_namespaces, each alone",
          "[bite][threat:dangerous-calls]") {
  const Ground ground;
  auto job = over("namespace");
  job["profile"] = "root-inside";
  expect_bite(ground, {{Step::max_namespaces, Step::seccomp}, job});
}

TEST_CASE("a setuid program of an image is without effect by nosuid, no_new_privs and the user namespace, each alone",
          "[bite][threat:image-symlink]") {
  const Ground ground;
  expect_bite(
      ground,
      {{Step::nosuid, Step::no_new_privileges, Step::user_namespace}, over("user", "", "setuid"), {Step::seccomp}});
}

TEST_CASE("a program's capabilities are without effect by nosuid, no_new_privs, bounding set and user namespace",
          "[bite][threat:image-symlink]") {
  const Ground ground;
  expect_bite(ground, {{Step::nosuid, Step::no_new_privileges, Step::bounding_set, Step::user_namespace},
                       over("read", "/secret", "capable"),
                       {Step::seccomp}});
}

TEST_CASE("the filter is what refuses calls that the kernel would answer", "[bite][threat:missing-filter]") {
  const Ground ground;
  for (const char* call : {"ptrace", "keyctl", "netlink", "netlink with bit 32", "shmget", "name_to_handle_at",
                           "setrlimit of core to 0", "clone3"}) {
    INFO(call);
    expect_bite(ground, {{Step::seccomp}, over("call", call)});
  }
}

TEST_CASE("a tool makes no user namespace: by the filter and by max_user_namespaces, each alone",
          "[bite][threat:dangerous-calls]") {
  const Ground ground;
  expect_bite(ground, {{Step::max_namespaces, Step::seccomp}, over("namespace")});
}

TEST_CASE("pid 1 is closed to the tool: by user id, user namespace, dumpability and Landlock, each alone",
          "[bite][threat:runtime-overwrite]") {
  const Ground ground;
  expect_bite(ground, {{Step::init_identity, Step::user_namespace, Step::non_dumpable, Step::landlock},
                       over("read", "/proc/1/maps")});
}

TEST_CASE("pid 1 gets no signal of the tool's: by its user id and by Landlock, each alone",
          "[bite][threat:runtime-overwrite]") {
  const Ground ground;
  expect_bite(ground, {{Step::init_identity, Step::landlock}, over("signal", "1"), {}, 6});
}

TEST_CASE("a tool makes no whiteout, the one device node that needs no capability: by the filter and by Landlock",
          "[bite][threat:dangerous-calls]") {
  const Ground ground;
  const bool is_held_twice = landlock_refuses_whiteouts(ground.image().outside());
  if (!is_held_twice) WARN("this kernel's Landlock takes a whiteout for no device: the filter alone refuses it");
  expect_bite(ground, {is_held_twice ? Steps{Step::seccomp, Step::landlock} : Steps{Step::seccomp},
                       over("call", "mknod of a whiteout"), is_held_twice ? Steps{} : Steps{Step::landlock}});
  if (landlock_abi() == 0) return;
  const std::string said =
      cordon::test::Instance().run({{"argv", Json::array({"true"})}}).at("enforced").at("landlock.fs");
  INFO(said);
  CHECK(said.ends_with(is_held_twice ? "no device nodes" : "no device nodes but whiteouts"));
}

TEST_CASE("the program of pid 1 is not readable, even for who may look into pid 1",
          "[bite][threat:runtime-overwrite]") {
  const Ground ground;
  expect_bite(ground, {{Step::sealed_program},
                       over("read", "/proc/1/exe"),
                       {Step::init_identity, Step::user_namespace, Step::non_dumpable, Step::landlock},
                       1,
                       true});
}

TEST_CASE("a tool finds no descriptor but its three: all others are closed by its execution",
          "[bite][threat:leaked-fd]") {
  const Ground ground;
  expect_bite(ground, {{Step::close_on_exec}, over("descriptors")});
}

TEST_CASE("a tool finds nothing of the launcher's environment: it is dropped twice", "[bite][threat:leaked-fd]") {
  const Ground ground;
  expect_bite(ground, {{Step::environment_of_init, Step::environment_of_tool}, over("variable", "CORDON_LEAVE_OUT")});
}
