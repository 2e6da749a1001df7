// Who survived, by what the kernel says in cgroup.events: here files that say the same words.
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/kernel/cgroup_events.hpp"
#include "supervisor/jobs/survivors.hpp"

using namespace cordon;

namespace {

Fd saying(std::string_view text) {
  Fd file(::memfd_create("cgroup.events", MFD_CLOEXEC));
  REQUIRE(::pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  return file;
}

Fd another(const Fd& fd) {
  return Fd(::dup(fd.get()));
}

Membership of_actor(const std::string& actor) {
  return {"default", actor, {}, "default", {}, {}};
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("a sandbox is empty only when the kernel says so") {
  CHECK_FALSE(may_live(saying("populated 0\nfrozen 0\n")));
  CHECK(may_live(saying("populated 1\nfrozen 0\n")));
  CHECK(may_live(saying("frozen 0\n")));
  CHECK(may_live(saying("")));
  CHECK(may_live(Fd()));  // that cannot be read
}

TEST_CASE("a survivor counts in each of its scopes until its sandbox is empty", "[threat:kill-latch]") {
  const auto first = saying("populated 1\n"), second = saying("populated 1\n");
  Survivors survivors;
  survivors.add("1", of_actor("a"), another(first));
  survivors.add("2", of_actor("b"), another(second));
  CHECK(survivors.in({}) == Ids{"1", "2"});
  CHECK(survivors.in({Scope::Kind::actor, "a"}) == Ids{"1"});
  CHECK(survivors.in({Scope::Kind::actor, "c"}).empty());
  REQUIRE(::pwrite(first.get(), "populated 0", 11, 0) == 11);
  CHECK(survivors.in({}) == Ids{"2"});
}

TEST_CASE("whether a sandbox is empty is waited for until the deadline and no longer") {
  asio::io_context io;
  const auto ask = [&](const Fd& events, std::chrono::milliseconds patience) {
    std::optional<bool> empty;
    asio::co_spawn(io, until_empty(&events, Clock::now() + patience),
                   [&](const std::exception_ptr& trouble, bool said) {
                     REQUIRE_FALSE(trouble);
                     empty = said;
                   });
    io.restart();
    io.run();
    REQUIRE(empty);
    return *empty;
  };
  CHECK(ask(saying("populated 0\n"), std::chrono::milliseconds(0)));
  const auto before = Clock::now();
  CHECK_FALSE(ask(saying("populated 1\n"), std::chrono::milliseconds(50)));
  CHECK(Clock::now() - before >= std::chrono::milliseconds(50));
  CHECK_FALSE(ask(Fd(), std::chrono::milliseconds(10)));
}
