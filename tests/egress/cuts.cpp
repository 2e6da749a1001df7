// What cuts a live flow while its job lives on: its grants are revoked, or one of them reaches its end. The far side
// says that no byte came behind that.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "tests/egress/proxy.hpp"
#include "tests/egress/tool.hpp"

using namespace cordon;
using namespace cordon::egress_test;

namespace {

using End = Connection::Received::End;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t echo = 7000, source = 7002, silent = 7003;
constexpr Ipv4 other_resolver = synthetic_resolver + 0x10000;  // two jobs share the sandbox here

// A name that is granted raw, and what the tool holds open there.
struct Live {
  Live(World& world, Proxy& proxy, const std::string& id, const std::vector<EgressGrant>& grants,
       Ipv4 resolver = synthetic_resolver)
      : world_(world), job(with(job_of(grants, id), resolver)), open(proxy.open(job)) {
    REQUIRE(open.served());
  }
  static EgressJob with(EgressJob job, Ipv4 resolver) {
    job.resolver = resolver;
    return job;
  }
  Connection& talk(std::size_t name = 0) {
    auto& connection = *connections.emplace_back(std::make_unique<Connection>(world_, job.names[name].address, echo));
    connection.send("hello");
    REQUIRE(connection.receive(seconds(20), 5).bytes == "hello");
    return connection;
  }

  World& world_;
  EgressJob job;
  OpenJob open;
  std::vector<std::unique_ptr<Connection>> connections;
};

EgressGrant raw(const std::string& name) {
  return grant(name, {echo, source}, EgressMode::raw);
}

// Connections to the echo that have not ended, as the internet sees it; and what came by all of them.
std::pair<int, std::uint64_t> far_side(World& world) {
  int open = 0;
  std::uint64_t bytes = 0;
  const auto counts = world.counts();
  for (const auto& one : counts["connections"]) {
    if (one["port"] != echo) continue;
    open += one["ended"] == "open" ? 1 : 0;
    bytes += one["in"].get<std::uint64_t>();
  }
  return {open, bytes};
}

bool comes_to(World& world, int open) {
  for (int i = 0; i < 100 && far_side(world).first != open; ++i) std::this_thread::sleep_for(milliseconds(20));
  return far_side(world).first == open;
}

struct Stage {
  Stage() : proxy(world) {
    for (const auto* name : {"a.test", "b.test"}) world.name(name, {{"93.184.216.40"}});
  }
  World world;
  Proxy proxy;
};

}  // namespace

TEST_CASE(
    "what cordond revokes is cut at once on both sides, for good, and the job's other words are refused with why") {
  Stage stage;
  Live live(stage.world, stage.proxy, "job-1", {raw("a.test")});
  Live other(stage.world, stage.proxy, "job-2", {grant("b.test", {silent}, EgressMode::raw)}, other_resolver);
  for (int i = 0; i < 50; ++i) live.talk();
  Connection untouched(stage.world, other.job.names[0].address, silent);
  untouched.send("hello");
  Connection flood(stage.world, live.job.names[0].address, source);
  REQUIRE(flood.receive(seconds(20), 1 << 20).bytes.size() >= 1 << 20);

  stage.proxy.watcher().revoke("job-1");
  for (auto& connection : live.connections) CHECK(connection->receive(seconds(5)).end == End::reset);
  CHECK(flood.receive(seconds(5)).end == End::reset);
  const auto closed = stage.proxy.watcher().wait_for<FlowClosed>(51);
  REQUIRE(closed.size() == 51);
  for (const auto& one : closed) CHECK(one.reason == FlowReason::grant_revoked);

  // Nothing more of it arrives, on a connection of before or on a new one.
  REQUIRE(comes_to(stage.world, 0));
  const auto before = far_side(stage.world).second;
  CHECK(before == std::uint64_t{50} * 5);
  for (auto& connection : live.connections) CHECK_FALSE(connection->send("more"));
  CHECK(Connection(stage.world, live.job.names[0].address, echo).error() == ECONNREFUSED);
  CHECK(far_side(stage.world).second == before);
  CHECK(stage.proxy.watcher().figures().jobs == 2);

  // The other job's flow goes on.
  CHECK(untouched.send("again"));
  CHECK(untouched.receive(milliseconds(300)).end == End::nothing);

  live.open.close();
  const auto totals = stage.proxy.watcher().wait_for<JobClosed>().at(0);
  CHECK(totals.job == "job-1");
  CHECK(totals.flows_allowed == 51);
  CHECK(totals.bytes_up == std::uint64_t{50} * 5);
}

TEST_CASE(
    "all flows of jobs that are cut by one message are reset, and no tool whose flow was finds a listener afterwards") {
  Stage stage;
  Live one(stage.world, stage.proxy, "job-1", {raw("a.test")});
  Live other(stage.world, stage.proxy, "job-2", {grant("b.test", {silent}, EgressMode::raw)}, other_resolver);
  for (int i = 0; i < 100; ++i) one.talk();
  Connection last(stage.world, other.job.names[0].address, silent);
  last.send("hello");
  REQUIRE(stage.proxy.watcher().wait_for<FlowDecided>(101).size() == 101);
  stage.proxy.watcher().say(RevokeEgress{{"job-1", "job-2"}, FlowReason::grant_revoked});
  CHECK(one.connections[0]->receive(seconds(5)).end == End::reset);
  CHECK(Connection(stage.world, one.job.names[0].address, echo).error() == ECONNREFUSED);
  CHECK(last.receive(seconds(5)).end == End::reset);
  CHECK(Connection(stage.world, other.job.names[0].address, silent).error() == ECONNREFUSED);
  const auto closed = stage.proxy.watcher().wait_for<FlowClosed>(101);
  CHECK(closed.size() == 101);
  for (const auto& each : closed) CHECK(each.reason == FlowReason::grant_revoked);
  CHECK(stage.proxy.watcher().all<Revoked>().at(0).jobs == std::vector<std::string>{"job-1", "job-2"});
}

TEST_CASE("after a revocation names are refused with the reason, and what was being decided is not dialled") {
  World world;
  world.name("a.test", {{"93.184.216.40"}});
  Proxy proxy(world, Watcher::Manner::is_silent);
  Live live(world, proxy, "job-1", {raw("a.test")});
  Connection waiting(world, live.job.names[0].address, echo);
  waiting.send("hello");
  REQUIRE(proxy.watcher().wait_for_asked().at(0).decided.allowed());
  proxy.watcher().revoke("nobody");
  proxy.watcher().revoke("job-1");
  proxy.watcher().revoke("job-1");
  const auto revoked = proxy.watcher().wait_for<Revoked>(2);
  REQUIRE(revoked.size() >= 2);
  CHECK(revoked[0].jobs == std::vector<std::string>{"nobody"});
  CHECK(revoked[1].jobs == std::vector<std::string>{"job-1"});
  CHECK(waiting.receive(seconds(3)).end == End::reset);  // long before evidence is not waited for any more
  CHECK(proxy.watcher().wait_for<FlowClosed>().at(0).reason == FlowReason::grant_revoked);
  const auto told = proxy.watcher().all();  // cordond knows what it cuts when it hears that it is cut
  const auto decided = std::find_if(
      told.begin(), told.end(), [](const FlowRecord& record) { return std::holds_alternative<FlowDecided>(record); });
  CHECK(std::find(decided, told.end(), FlowRecord(revoked[1])) != told.end());
  for (const bool tcp : {false, true}) {
    const auto answer = ask_dns(world, "a.test", 1, tcp, true);
    CHECK(answer.rcode == 5);
    CHECK(answer.bytes.find("grant_revoked") != std::string::npos);
  }
  CHECK(world.counts()["packets"].empty());
}

TEST_CASE("a grant that reaches its end cuts its own flows then, and those of no other grant") {
  Stage stage;
  auto ending = raw("a.test");
  const auto now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
  ending.expires = now + seconds(4);
  Live live(stage.world, stage.proxy, "job-1", {ending, raw("b.test")});
  auto& cut = live.talk(0);
  auto& stays = live.talk(1);
  REQUIRE(std::chrono::system_clock::now() < ending.expires);
  CHECK(cut.receive(seconds(10)).end == End::reset);
  const auto late = std::chrono::system_clock::now() - ending.expires;
  CHECK(late >= seconds(0));
  const std::chrono::duration<double, std::milli> behind = late;
  WARN("cut " << behind.count() << " ms behind its end");
  const auto closed = stage.proxy.watcher().wait_for<FlowClosed>().at(0);
  CHECK(closed.reason == FlowReason::grant_expired);
  CHECK(closed.bytes_up == 5);
  REQUIRE(comes_to(stage.world, 1));
  const auto before = far_side(stage.world).second;
  CHECK_FALSE(cut.send("more"));
  CHECK(Connection(stage.world, live.job.names[0].address, echo).ask("x").end == End::reset);
  CHECK(stage.proxy.watcher().wait_for<FlowDecided>(3).at(2).reason == FlowReason::grant_expired);
  CHECK(far_side(stage.world).second == before);
  stays.send("again");
  CHECK(stays.receive(seconds(10), 5).bytes == "again");
}
