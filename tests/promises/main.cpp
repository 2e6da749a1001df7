// The main of every privileged test: 77 ("skipped", to ctest) where sandboxes cannot be started.
#define CATCH_CONFIG_RUNNER
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <iostream>
#include <string_view>

namespace {

constexpr int skipped = 77;

bool can_make_namespaces() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) == 0 ? 0 : 1);
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool only_lists =
      std::any_of(argv + 1, argv + argc, [](std::string_view word) { return word.starts_with("--list"); });
  if (!only_lists && (::geteuid() != 0 || !can_make_namespaces())) {
    std::cout << "skipped: starting sandboxes needs root and the right to make namespaces\n";
    return skipped;
  }
  return Catch::Session().run(argc, argv);
}
