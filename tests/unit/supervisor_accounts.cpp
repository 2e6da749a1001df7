// Who is who: from what the kernel says of a peer and what the configuration says of it. And what a job's end means.
#include <catch2/catch.hpp>

#include "supervisor/host_room.hpp"
#include "supervisor/identity.hpp"
#include "supervisor/jobs/job_account.hpp"

using namespace cordon;

namespace {

ActorsConfig people() {
  ActorsConfig actors;
  actors.known = {
      {"builder", "ci", {1001}, {2000}, true, false}, {"ann", "lab", {1002}, {}}, {"team", "lab", {}, {3000}}};
  return actors;
}

// "actor of tenant", or the code of the refusal.
std::string account(const Peer& peer, const ActorsConfig& actors = people(), Role role = Role::agent) {
  const auto account = account_of(peer, role, actors);
  return account ? account->actor + " of " + account->tenant : account.error().code;
}

}  // namespace

TEST_CASE("a uid is an actor, and a group is, whether primary or not") {
  CHECK(account({1001, {100}}) == "builder of ci");
  CHECK(account({1002, {100}}) == "ann of lab");
  CHECK(account({5000, {100, 3000, 7}}) == "team of lab");
  CHECK(account({0, {0}}) == "uid:0 of default");
}

TEST_CASE("a uid that is named counts before any group") {
  CHECK(account({1002, {2000, 3000}}) == "ann of lab");
}

TEST_CASE("who would be two is nobody") {
  CHECK(account({5000, {2000, 3000}}) == "ambiguous_actor");
}

TEST_CASE("an unmapped group is nobody's, even if a configuration could name it") {
  auto actors = people();
  actors.known[2].gids = {overflow_id};
  CHECK(account({5000, {overflow_id}}, actors) == "uid:5000 of default");
}

TEST_CASE("unknown agents are denied when the configuration says so: unknown operators can do all but submit") {
  auto actors = people();
  actors.unknown_tenant = "guests";
  CHECK(account({5000, {}}, actors) == "uid:5000 of guests");
  actors.unknown_tenant = std::nullopt;
  CHECK(account({5000, {}}, actors) == "unknown_actor");
  CHECK(account({0, {}}, actors) == "unknown_actor");
  CHECK(account({5000, {}}, actors, Role::operator_) == "uid:5000 of ");
}

TEST_CASE("an actor without a role is refused at that socket") {
  CHECK(account({1001, {}}, people(), Role::operator_) == "role_denied");
  CHECK(account({1002, {}}, people(), Role::operator_) == "ann of lab");
}

TEST_CASE("the overflow uid may use no socket, whatever its groups") {
  CHECK(!may_use_socket({overflow_id, {10}}, 10));
  CHECK(may_use_socket({1000, {10}}, 10));
  CHECK(!may_use_socket({1000, {11}}, 10));
  CHECK(may_use_socket({0, {}}, 10));
}

TEST_CASE("what ended a job for reasons of Cordon's or of the operator's is no failure of who submitted it") {
  CHECK(verdict_of(Exited{0}) == Verdict::succeeded);
  CHECK(verdict_of(Exited{3}) == Verdict::failed);
  CHECK(verdict_of(Signalled{11}) == Verdict::crashed);
  CHECK(verdict_of(TimedOut{}) == Verdict::crashed);
  CHECK(verdict_of(OutOfMemory{}) == Verdict::crashed);
  CHECK(verdict_of(OutputLimit{}) == Verdict::crashed);
  CHECK(verdict_of(ExecFailed{}) == Verdict::crashed);
  CHECK(verdict_of(Cancelled{}) == Verdict::neither);
  CHECK(verdict_of(Lost{}) == Verdict::neither);
  CHECK(verdict_of(SetupFailed{}) == Verdict::neither);
}

TEST_CASE("a body's fingerprint is its own, and never the one that means none") {
  CHECK(fingerprint("a") == fingerprint("a"));
  CHECK(fingerprint("a") != fingerprint("b"));
  CHECK(fingerprint("") != 0);
}

TEST_CASE("the kernel says what is left of the host") {
  const auto room = read_host_room();
  REQUIRE(room.memory_bytes);
  REQUIRE(room.pids);
  CHECK(*room.memory_bytes > 1 << 20);
  CHECK(*room.pids > 10);
  CHECK(*room.pids < 4'194'304);
}
