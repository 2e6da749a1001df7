#include "cli/hook.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace cordon::cli;
using namespace std::chrono_literals;

namespace {

struct Scratch {
  Scratch() {
    char name[] = "/tmp/cordon-hook-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  std::string read(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream(path + "/" + file).rdbuf();
    return text.str();
  }
  std::string path;
};

Hook shell(const std::string& script, std::chrono::seconds limit = 10s) {
  return Hook({"/bin/sh", "-c", script}, limit);
}

struct Wake {
  int fd = ::eventfd(0, EFD_CLOEXEC);
  ~Wake() { ::close(fd); }
};

}  // namespace

TEST_CASE("a hook gets the event on its standard input, and its arguments as they are") {
  const Scratch scratch;
  const Wake wake;
  Hook hook({"/bin/sh", "-c", "cat > \"$1\"", "x", scratch.path + "/a b"}, 10s);
  CHECK(hook.run("{\"id\": 1}\n", wake.fd) == HookEnd::succeeded);
  CHECK(scratch.read("a b") == "{\"id\": 1}\n");
}

TEST_CASE("a hook that fails says how") {
  const Wake wake;
  auto exits = shell("exit 3");
  CHECK(exits.run("", wake.fd) == HookEnd::failed);
  CHECK(exits.trouble() == "exited 3");
  auto dies = shell("kill -TERM $$");
  CHECK(dies.run("", wake.fd) == HookEnd::failed);
  CHECK(dies.trouble() == "ended by signal 15");
  Hook nowhere({"/nowhere/at-all"}, 10s);
  CHECK(nowhere.run("", wake.fd) == HookEnd::failed);
  CHECK(nowhere.trouble().find("No such file") != std::string::npos);
}

TEST_CASE("a hook that does not read its input is no failure") {
  ::signal(SIGPIPE, SIG_IGN);
  const Wake wake;
  CHECK(shell("exec <&-; exit 0").run(std::string(60'000, 'x'), wake.fd) == HookEnd::succeeded);
}

TEST_CASE("a hook that takes too long is killed with all that it started") {
  const Scratch scratch;
  const Wake wake;
  auto hook = shell("(trap '' TERM; sleep 3; echo alive > " + scratch.path + "/alive) & sleep 60", 1s);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(hook.run("", wake.fd) == HookEnd::failed);
  CHECK(std::chrono::steady_clock::now() - begin < 3s);
  CHECK(hook.trouble() == "took longer than 1 s and was killed");
  ::sleep(3);  // the only answer to "does it still do something?"
  CHECK(scratch.read("alive").empty());
}

TEST_CASE("a hook is not waited for when we are told to stop") {
  const Wake wake;
  ::eventfd_write(wake.fd, 1);
  CHECK(shell("sleep 60").run("", wake.fd) == HookEnd::interrupted);
}
