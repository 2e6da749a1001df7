// What is bounded in number and in time: connections, questions, names, records, bytes a second, and patience with
// those who say nothing.
#include <catch2/catch.hpp>
#include <chrono>
#include <map>

#include "tests/egress/proxy.hpp"
#include "tests/egress/tool.hpp"

using namespace cordon;
using namespace cordon::egress_test;

namespace {

using End = Connection::Received::End;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr std::uint16_t echo = 7000, source = 7002, nobody = 7999;

struct Stage {
  explicit Stage(EgressJob what) : job(std::move(what)), open(proxy.open(job)) {
    world.name("a.test", {{"93.184.216.40"}});
    REQUIRE(open.served());
  }
  Connection connect(std::uint16_t port = echo) { return {world, job.names[0].address, port}; }
  Watcher& watcher() { return proxy.watcher(); }
  FlowReason end_of(std::size_t flow) { return watcher().wait_for<FlowClosed>(flow).at(flow - 1).reason; }

  World world;
  Proxy proxy{world};
  EgressJob job;
  OpenJob open;
};

EgressJob raw_job(const EgressBudget& budget = {}) {
  auto raw = grant("a.test", {echo, source, nobody}, EgressMode::raw);
  raw.budget = budget;
  return job_of({raw});
}

EgressBudget generous() {
  EgressBudget budget;
  budget.connections_per_second = 1000;
  budget.max_connections = 1024;
  return budget;
}

bool talks(Connection& connection) {
  connection.send("hello");
  return connection.receive(seconds(10), 5).bytes == "hello";
}

// How often each verdict was told, of connections; none: let out.
std::map<FlowReason, std::uint64_t> verdicts(Watcher& watcher) {
  std::map<FlowReason, std::uint64_t> out;
  for (const auto& one : watcher.all<FlowDecided>()) ++out[one.reason];
  for (const auto& one : watcher.all<DeniedAgain>()) out[one.reason] += one.times;
  return out;
}

Json many_addresses(int count) {
  auto addresses = Json::array();
  for (int i = 0; i < count; ++i) addresses.push_back("93.184.216." + std::to_string(40 + i % 3));
  return Json::array({addresses});
}

}  // namespace

TEST_CASE("no more connections at once than a grant has are let out, and the next one when one has ended") {
  auto budget = generous();
  budget.max_connections = 3;
  Stage stage(raw_job(budget));
  std::vector<std::unique_ptr<Connection>> live;
  for (int i = 0; i < 3; ++i) {
    live.push_back(std::make_unique<Connection>(stage.connect()));
    CHECK(talks(*live.back()));
  }
  for (int i = 0; i < 40; ++i) CHECK(stage.connect().ask("x").end == End::reset);
  live.pop_back();
  CHECK(stage.watcher().wait_for<FlowClosed>().size() == 1);
  auto next = stage.connect();
  CHECK(talks(next));
  stage.open.close();
  CHECK(stage.watcher().wait_for<JobClosed>().at(0).flows_denied == 40);
  CHECK(verdicts(stage.watcher()) ==
        std::map<FlowReason, std::uint64_t>{{FlowReason::none, 4}, {FlowReason::too_many_connections, 40}});
}

TEST_CASE("no more connections a second than a grant has are let out, however few there are at once") {
  constexpr std::uint32_t rate = 20;
  auto budget = generous();
  budget.connections_per_second = rate;
  Stage stage(raw_job(budget));
  const auto begun = Clock::now();
  std::uint64_t tried = 0;
  bool refused = false;
  while (!refused || Clock::now() - begun < seconds(3)) {
    REQUIRE(Clock::now() - begun < seconds(60));
    auto connection = stage.connect();
    connection.send("x");
    refused |= connection.receive(seconds(10), 1).bytes.empty();
    ++tried;
  }
  stage.open.close();
  const auto totals = stage.watcher().wait_for<JobClosed>().at(0);
  const auto took = std::chrono::duration<double>(Clock::now() - begun).count();
  CHECK(totals.flows_allowed >= rate);
  CHECK(static_cast<double>(totals.flows_allowed) <= rate * (took + 1));
  CHECK(totals.flows_allowed + totals.flows_denied == tried);
  CHECK(totals.flows_denied > 0);
  CHECK(verdicts(stage.watcher())[FlowReason::too_many_connections_per_second] == totals.flows_denied);
}

TEST_CASE("bytes pass at the rate of their grant, and not sooner") {
  auto budget = generous();
  budget.bytes_per_second = 1 << 20;
  Stage stage(raw_job(budget));
  const auto begun = Clock::now();
  auto connection = stage.connect(source);
  CHECK(connection.receive(seconds(30), 3 << 20).bytes.size() == 3 << 20);
  CHECK(Clock::now() - begun >= milliseconds(1950));  // as much as passes in a second is there at once
}

TEST_CASE("no more questions a second than a job has are answered, and the others are refused and counted") {
  auto job = raw_job();
  job.limits.queries_per_second = 10;
  Stage stage(job);
  const auto begun = Clock::now();
  std::uint64_t answered = 0, refused = 0;
  for (int i = 0; i < 200; ++i) {
    const auto answer = ask_dns(stage.world, "a.test", 1, false, true);
    if (answer.rcode == 0) ++answered;
    if (answer.rcode == 5 && answer.bytes.find("too_many_queries") != std::string::npos) ++refused;
  }
  const auto took = std::chrono::duration<double>(Clock::now() - begun).count();
  CHECK(answered + refused == 200);
  CHECK(answered >= 10);
  CHECK(static_cast<double>(answered) <= 10 * (took + 1));
  stage.open.close();
  const auto totals = stage.watcher().wait_for<JobClosed>().at(0);
  CHECK(totals.queries_answered == answered);
  CHECK(totals.queries_denied == refused);
  CHECK(stage.watcher().all<QueryDenied>().at(0).reason == FlowReason::too_many_queries);
}

TEST_CASE("64 names under a wildcard have an address, and the next one is refused with the reason") {
  auto job = job_of({grant("*.b.test", {443}, EgressMode::passthrough)});
  job.limits.queries_per_second = 1000;
  World world;
  Proxy proxy(world);
  auto open = proxy.open(job);
  REQUIRE(open.served());
  for (int i = 0; i < 64; ++i) CHECK(ask_dns(world, "n" + std::to_string(i) + ".b.test").address);
  const auto answer = ask_dns(world, "n64.b.test", 1, false, true);
  CHECK(answer.rcode == 5);
  CHECK(answer.bytes.find("too_many_names") != std::string::npos);
  CHECK(ask_dns(world, "N7.b.test").address);
}

TEST_CASE("who does not say what is waited for is not waited for longer than that") {
  auto job = job_of({grant("a.test", {443}, EgressMode::passthrough), grant("a.test", {80}, EgressMode::http)});
  job.limits.head_ms = 500;
  Stage stage(job);
  for (const auto port : {std::uint16_t{443}, std::uint16_t{80}}) {
    stage.watcher().forget();
    auto silent = stage.connect(port);
    auto slow = stage.connect(port);
    const auto begun = Clock::now();
    const auto words =
        port == 80 ? "GET /" + std::string(200, 'p') + " HTTP/1.1\r\nHost: a.test\r\n\r\n" : client_hello("a.test");
    for (std::size_t said = 0; Clock::now() - begun < seconds(5) && slow.send(words.substr(said, 1)); ++said)
      if (slow.receive(milliseconds(100)).end != End::nothing) break;
    CHECK(Clock::now() - begun < seconds(5));
    CHECK(silent.receive(seconds(10)).end != End::nothing);
    const auto decided = stage.watcher().wait_for<FlowDecided>();
    REQUIRE_FALSE(decided.empty());
    CHECK(verdicts(stage.watcher()).count(FlowReason::none) == 0);
    CHECK(decided[0].reason == FlowReason::head_too_slow);
  }
  CHECK(stage.world.counts()["packets"].empty());
}

TEST_CASE("a resolver that is silent, and a far side where nobody listens, end a flow with their names") {
  auto job = raw_job(generous());
  job.limits.connect_ms = 3000;
  Stage stage(job);
  CHECK(stage.connect(nobody).ask("x").end == End::reset);
  CHECK(stage.end_of(1) == FlowReason::connect_failed);
  stage.world.name("a.test", {{"93.184.216.40"}}, {{"silent", true}});
  CHECK(stage.connect().ask("x").end == End::reset);
  CHECK(stage.end_of(2) == FlowReason::resolver_failed);
  stage.world.name("a.test", {{"93.184.216.40"}});
  auto next = stage.connect();
  CHECK(talks(next));
}

TEST_CASE("an answer of more than 64 records is not read") {
  Stage stage(raw_job(generous()));
  stage.world.name("a.test", many_addresses(64));
  {
    auto connection = stage.connect();
    CHECK(talks(connection));
  }
  CHECK(stage.watcher().wait_for<FlowClosed>(1).size() == 1);
  std::size_t flow = 1;
  for (const int records : {65, 1000, 1900}) {
    INFO(records);
    stage.world.name("a.test", many_addresses(records));
    CHECK(stage.connect().ask("x").end == End::reset);
    CHECK(stage.end_of(++flow) == FlowReason::resolver_failed);
  }
}
