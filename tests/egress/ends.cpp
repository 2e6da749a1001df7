// What ends a flow, or does not let it begin: evidence, budgets, what a resolver says, and the end of the job.
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "tests/egress/proxy.hpp"
#include "tests/egress/tool.hpp"

using namespace cordon;
using namespace cordon::egress_test;

namespace {

using End = Connection::Received::End;
using std::chrono::seconds;

// One name, raw on all ports that the fake internet has for that.
struct Stage {
  explicit Stage(Watcher::Manner manner = Watcher::Manner::writes, EgressBudget budget = generous(),
                 Watcher::Asked asked = Watcher::Asked::ledger)
      : proxy(world, manner, asked), job(job_of({with(budget)})), open(proxy.open(job)) {
    world.name("a.test", {{"93.184.216.40"}});
    REQUIRE(open.served());
  }
  static EgressBudget generous() {
    EgressBudget budget;
    budget.connections_per_second = 1000;
    budget.max_connections = 1024;
    return budget;
  }
  static EgressGrant with(const EgressBudget& budget) {
    auto out = grant("a.test", {7000, 7001, 7002, 7003, 7004}, EgressMode::raw);
    out.budget = budget;
    return out;
  }
  Connection connect(std::uint16_t port) { return {world, job.names[0].address, port}; }
  std::uint64_t far_bytes(std::size_t which = 0) {
    const auto counts = world.counts();
    std::vector<std::uint64_t> out;
    for (const auto& one : counts["connections"])
      if (one["port"] != 53) out.push_back(one["in"]);
    return which < out.size() ? out[which] : 0;  // a reset may overtake what it ends, and the connection with it
  }

  World world;
  Proxy proxy;
  EgressJob job;
  OpenJob open;
};

// With the far side, and stays open.
bool talks(Connection& connection) {
  connection.send("hello");
  return connection.receive(seconds(10), 5).bytes == "hello";
}

bool talks(Connection&& connection) {
  return talks(connection);
}

bool nothing_left(World& world) {
  const auto counts = world.counts();
  for (const auto& [where, n] : counts["packets"].items())
    if (where.find(std::string(resolver_address) + " 53") == std::string::npos) return false;
  return true;
}

}  // namespace

TEST_CASE("nothing is resolved or dialled before the evidence is written, nor when it cannot be") {
  for (const auto manner : {Watcher::Manner::refuses, Watcher::Manner::is_silent})
    for (const auto asked : {Watcher::Asked::ledger, Watcher::Asked::cordond}) {
      Stage stage(manner, Stage::generous(), asked);
      auto connection = stage.connect(7000);
      CHECK(connection.ask("x").end == End::reset);
      CHECK(stage.proxy.watcher().wait_for<FlowClosed>().at(0).reason == FlowReason::no_evidence);
      CHECK(stage.world.counts()["packets"].empty());
    }
}

TEST_CASE("the ledger is asked with whose it is, and cordond hears of it before its end") {
  Stage stage;
  CHECK(talks(stage.connect(7000)));
  const auto asked = stage.proxy.watcher().wait_for_asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].owner == JobOwner{"uid:1", "tenant", "", "web"});
  CHECK(asked[0].decided.sequence > 0);
  CHECK(asked[0].decided.name == "a.test");
  const auto closed = stage.proxy.watcher().wait_for<FlowClosed>();
  const auto decided = stage.proxy.watcher().all<FlowDecided>();
  REQUIRE(closed.size() == 1);
  REQUIRE(decided.size() == 1);
  auto told = decided[0];
  CHECK(told.sequence == 0);
  told.sequence = asked[0].decided.sequence;
  CHECK(told == asked[0].decided);
}

TEST_CASE("cordond hears of a flow of which there is nothing else to tell, and one that comes later of its end") {
  Stage stage;
  const auto held = stage.connect(7003);
  const auto told = stage.proxy.watcher().wait_for<FlowDecided>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].allowed());
  stage.proxy.lose_watcher();
  stage.proxy.new_watcher();
  stage.open.close();
  const auto closed = stage.proxy.watcher().wait_for<FlowClosed>();
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].flow == told[0].flow);
}

TEST_CASE("without a ledger no flow begins, cordond is asked for another, and with that they do") {
  Stage stage;
  auto& watcher = stage.proxy.watcher();
  auto held = stage.connect(7000);
  REQUIRE(talks(held));
  const auto before = stage.world.counts()["packets"];
  watcher.lose_ledger();
  REQUIRE(watcher.wait_for<LedgerLost>().size() == 1);
  CHECK(stage.connect(7000).ask("x").end == End::reset);
  CHECK(watcher.wait_for<FlowClosed>().at(0).reason == FlowReason::no_evidence);
  CHECK(stage.world.counts()["packets"] == before);
  CHECK(talks(held));  // what is on the record goes on
  watcher.lend_ledger();
  CHECK(talks(stage.connect(7000)));
  CHECK(watcher.all<LedgerLost>().size() == 1);
}

TEST_CASE("a ledger that ends with a decision unanswered refuses it, and one that comes late does not have it") {
  Stage stage(Watcher::Manner::is_silent);
  auto& watcher = stage.proxy.watcher();
  auto waiting = stage.connect(7000);
  waiting.send("x");
  const auto sequence = watcher.wait_for_asked().at(0).decided.sequence;
  watcher.lend_ledger();  // another: what the first was asked is not known to be written
  CHECK(waiting.receive(seconds(3)).end == End::reset);
  CHECK(watcher.wait_for<FlowClosed>().at(0).reason == FlowReason::no_evidence);
  watcher.say_as_ledger(EvidenceWritten{sequence});
  auto next = stage.connect(7000);
  next.send("x");
  REQUIRE(watcher.wait_for_asked(2).size() == 2);
  CHECK(next.receive(std::chrono::milliseconds(300)).end == End::nothing);
  CHECK(stage.world.counts()["packets"].empty());
}

TEST_CASE(
    "once a ledger has come cordond answers for nothing, neither for what it was asked nor for what the ledger is") {
  Stage stage(Watcher::Manner::is_silent, Stage::generous(), Watcher::Asked::cordond);
  auto& watcher = stage.proxy.watcher();
  auto first = stage.connect(7000);
  first.send("x");
  REQUIRE(watcher.wait_for<FlowDecided>().at(0).sequence > 0);
  watcher.lend_ledger();
  CHECK(first.receive(seconds(3)).end == End::reset);
  CHECK(watcher.wait_for<FlowClosed>().at(0).reason == FlowReason::no_evidence);
  auto second = stage.connect(7000);
  second.send("x");
  const auto sequence = watcher.wait_for_asked().at(0).decided.sequence;
  watcher.say(EvidenceWritten{sequence});
  CHECK(second.receive(std::chrono::milliseconds(300)).end == End::nothing);
  CHECK(stage.world.counts()["packets"].empty());
  auto third = stage.connect(7000);
  third.send("y");
  watcher.say_as_ledger(EvidenceWritten{watcher.wait_for_asked(2).at(1).decided.sequence});  // of both
  CHECK(second.receive(seconds(10), 1).bytes == "x");
  CHECK(third.receive(seconds(10), 1).bytes == "y");
}

TEST_CASE("a ledger that came without its descriptor is asked for again, and nothing else is lost") {
  Stage stage;
  auto& watcher = stage.proxy.watcher();
  auto held = stage.connect(7000);
  REQUIRE(talks(held));
  watcher.say(LedgerComes{});
  CHECK(watcher.wait_for<LedgerLost>().size() == 1);
  CHECK(stage.connect(7000).ask("x").end == End::reset);
  watcher.lend_ledger();
  CHECK(talks(stage.connect(7000)));
  CHECK(talks(held));
}

TEST_CASE("the ledger answers, and can cut nothing and lend nothing: its connection ends when it says more") {
  Stage stage;
  auto& watcher = stage.proxy.watcher();
  std::size_t lost = 0;
  for (const auto& message :
       {WatcherMessage{RevokeEgress{{"job-1"}}}, WatcherMessage{AskFigures{}}, WatcherMessage{LedgerComes{}}}) {
    watcher.say_as_ledger(message);
    ++lost;
    CHECK(watcher.wait_for<LedgerLost>(lost).size() == lost);
    watcher.lend_ledger();
    CHECK(talks(stage.connect(7000)));
  }
  CHECK(watcher.all<EgressFigures>().empty());
}

TEST_CASE("without who writes evidence no job is taken and no flow begins: with the next one they do") {
  Stage stage;
  stage.proxy.lose_watcher();
  CHECK(stage.connect(7000).ask("x").end == End::reset);
  CHECK(stage.proxy.open_with(encode(job_of({grant("b.test", {9000}, EgressMode::raw)}, "job-2")), {})
            .answer()
            ->refusal == EgressRefusal::no_evidence);
  CHECK(stage.world.counts()["packets"].empty());
  stage.proxy.new_watcher();  // whose ledger comes a moment later
  std::string heard;
  for (int i = 0; i < 100 && heard.empty(); ++i) heard = stage.connect(7000).ask("again").bytes;
  CHECK(heard == "again");
}

TEST_CASE("the end of a launcher's connection resets every flow at once and closes the listeners, with exact totals") {
  Stage stage;
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 200; ++i) {
    connections.push_back(std::make_unique<Connection>(stage.connect(7000)));
    connections.back()->send("hello");
    REQUIRE(connections.back()->receive(seconds(20), 5).bytes == "hello");
  }
  const auto start = std::chrono::steady_clock::now();
  stage.open.close();
  for (auto& connection : connections) CHECK(connection->receive(seconds(5)).end == End::reset);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  WARN("200 flows were reset within " << took.count() << " ms");
  CHECK(stage.connect(7000).error() == ECONNREFUSED);
  const auto totals = stage.proxy.watcher().wait_for<JobClosed>().at(0);
  CHECK(totals.flows_allowed == 200);
  CHECK(totals.bytes_up == 1000);
  CHECK(totals.bytes_down == 1000);
  CHECK(stage.proxy.watcher().all<FlowClosed>().size() == 200);
  for (const auto& closed : stage.proxy.watcher().all<FlowClosed>()) CHECK(closed.reason == FlowReason::job_ended);
  CHECK(stage.proxy.watcher().figures().flows == 0);
  CHECK(stage.proxy.watcher().figures().jobs == 0);
}

TEST_CASE("the last that is said of a job is what it came to, however many questions come behind its end") {
  Stage stage;
  auto& watcher = stage.proxy.watcher();
  std::atomic<bool> over = false;
  std::thread flood([&] {
    const auto socket = resolver_socket(stage.world);
    for (int i = 0; i < 2'000'000 && !over; ++i) {
      const auto question = dns_question("n" + std::to_string(i) + ".evil.test", 1);
      (void)::send(socket.get(), question.data(), question.size(), 0);
    }
  });
  CHECK(watcher.wait_for<QueryDenied>(10).size() >= 10);
  stage.open.close();
  const auto totals = watcher.wait_for<JobClosed>();
  over = true;
  flood.join();
  REQUIRE(totals.size() == 1);
  watcher.figures();  // behind all that was said
  std::uint64_t denied = 0;
  for (const auto& one : watcher.all<QueryDenied>()) denied += one.times;
  CHECK(denied == totals[0].queries_denied);
  const auto all = watcher.all();
  const auto last = std::find(all.begin(), all.end(), FlowRecord(totals[0]));
  CHECK(std::all_of(last + 1, all.end(),
                    [](const FlowRecord& record) { return std::holds_alternative<EgressFigures>(record); }));
}

TEST_CASE("a budget of bytes is kept to the byte, in both directions, and what exceeds it is reset and said") {
  auto budget = Stage::generous();
  budget.max_bytes_up = 100'000;
  budget.max_bytes_down = 200'000;
  Stage stage(Watcher::Manner::writes, budget);
  auto up = stage.connect(7001);
  up.send(std::string(99'000, 'u'));
  up.send(std::string(50'000, 'u'));
  CHECK(up.receive().end == End::reset);
  const auto closed = stage.proxy.watcher().wait_for<FlowClosed>().at(0);
  CHECK(closed.reason == FlowReason::bytes_up_spent);
  CHECK(closed.bytes_up == 100'000);
  CHECK(stage.far_bytes() <= 100'000);
  CHECK(stage.connect(7000).ask("x").end == End::reset);  // spent for the whole job

  Stage other(Watcher::Manner::writes, budget);
  auto down = other.connect(7002);
  const auto received = down.receive(seconds(20));
  CHECK(received.end == End::reset);
  CHECK(received.bytes.size() <= 200'000);
  CHECK(other.proxy.watcher().wait_for<FlowClosed>().at(0).bytes_down == 200'000);
  CHECK(other.proxy.watcher().all<FlowClosed>().at(0).reason == FlowReason::bytes_down_spent);
}

TEST_CASE(
    "a name that leads to a denied address is not dialled: rebinding, one among others, CNAMEs, carriers, our own") {
  Stage stage;
  const std::vector<std::pair<Json, Json>> answers{
      {{{"127.0.0.1"}}, Json::object()},
      {{{"169.254.169.254"}}, Json::object()},
      {Json::array({Json::array({"93.184.216.40", "10.0.0.1"})}), Json::object()},
      {Json::array({Json::array({"10.0.0.1", "93.184.216.40"})}), Json::object()},
      {{{"0.0.0.0"}}, Json::object()},
      {{{own_address}}, Json::object()},
      {{{"93.184.216.40"}}, {{"AAAA", {{"::1"}}}}},
      {{{"93.184.216.40"}}, {{"AAAA", {{"::ffff:10.0.0.1"}}}}},
      {Json::array(), {{"AAAA", {{"2a00:1::5efe:7f00:1"}}}}},
      {Json::array(), {{"AAAA", {{"2a00:1::1"}}}}},
      {Json::array(), {{"AAAA", {{"64:ff9b::a00:1"}}}}},
      {Json::array(), {{"cname", "inside.test"}}},
  };
  stage.world.name("inside.test", {{"192.168.1.1"}});
  for (const auto& [a, more] : answers) {
    INFO(a.dump() << more.dump());
    stage.world.name("a.test", a, more);
    stage.proxy.watcher().forget();
    CHECK(stage.connect(7000).ask("x").end == End::reset);
    CHECK(stage.proxy.watcher().wait_for<FlowClosed>().at(0).reason == FlowReason::address_denied);
  }
  // The first answer is fine and the next is not: each flow asks for itself, and dials what it has checked.
  stage.world.name("a.test", Json::array({Json::array({"93.184.216.40"}), Json::array({"127.0.0.1"})}));
  auto fine = stage.connect(7000);
  fine.send("x");
  CHECK(fine.receive(seconds(10), 1).bytes == "x");
  CHECK(stage.connect(7000).ask("x").end == End::reset);
  const auto counts = stage.world.counts();
  CHECK(beyond(counts["packets"], {"17 9.9.9.9 53", "6 9.9.9.9 53", "1 9.9.9.9 0", "6 93.184.216.40 7000"}) == nowhere);
}

TEST_CASE("what a flow has come to is told while it flows, and nothing while nothing passes") {
  Stage stage;
  auto held = stage.connect(7000);
  REQUIRE(talks(held));
  const auto moved = stage.proxy.watcher().wait_for<FlowMoved>();
  REQUIRE(moved.size() == 1);
  CHECK(moved[0] == FlowMoved{"job-1", 1, 5, 5});
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  CHECK(stage.proxy.watcher().all<FlowMoved>().size() == 1);
  REQUIRE(talks(held));
  CHECK(stage.proxy.watcher().wait_for<FlowMoved>(2).back() == FlowMoved{"job-1", 1, 10, 10});
}

TEST_CASE("a name without an address and a far side that resets are told apart") {
  Stage stage;
  stage.world.name("a.test", Json::array(), {{"rcode", 3}});
  CHECK(stage.connect(7000).ask("x").end == End::reset);
  CHECK(stage.proxy.watcher().wait_for<FlowClosed>(1).at(0).reason == FlowReason::name_not_found);
  stage.world.name("a.test", {{"93.184.216.40"}});
  CHECK(stage.connect(7004).ask("x").end == End::reset);
  CHECK(stage.proxy.watcher().wait_for<FlowClosed>(2).at(1).reason == FlowReason::reset_by_peer);
  CHECK(nothing_left(stage.world) == false);
}

TEST_CASE(
    "denied names are refused over UDP and TCP with the reason, allowed ones have one address, and nobody is asked") {
  World world;
  Proxy proxy(world);
  const auto job =
      job_of({grant("a.test", {443}, EgressMode::passthrough), grant("*.b.test", {443}, EgressMode::passthrough)});
  auto open = proxy.open(job);
  REQUIRE(open.served());
  for (const bool tcp : {false, true}) {
    CHECK(ask_dns(world, "a.test", 1, tcp).address == job.names[0].address);
    CHECK(ask_dns(world, "x.b.test", 1, tcp).address == job.first_wildcard);
    for (const int type : {28, 65, 64, 16, 15, 255, 12}) {
      const auto answer = ask_dns(world, "a.test", static_cast<std::uint16_t>(type), tcp);
      CHECK(answer.rcode == 0);
      CHECK_FALSE(answer.address);
    }
    for (const auto* name :
         {"evil.test", "b.test", "xa.test", "a.test.evil.test", "localhost", "4.3.2.1.in-addr.arpa"}) {
      const auto answer = ask_dns(world, name, 1, tcp, true);
      CHECK(answer.rcode == 5);
      CHECK(answer.bytes.find("no_grant") != std::string::npos);
    }
  }
  for (int i = 0; i < 2000; ++i) ask_dns(world, "x" + std::to_string(i) + ".evil.test");
  CHECK(world.counts()["packets"].empty());
  open.close();
  CHECK(proxy.watcher().wait_for<JobClosed>().at(0).queries_denied == 2012);
}

TEST_CASE(
    "a launcher's message that is not one, or whose sockets are not what they should be, is refused, and others are "
    "not heard") {
  World world;
  Proxy proxy(world);
  const auto job = job_of({grant("a.test", {443}, EgressMode::passthrough)});
  CHECK(proxy.open_with("nonsense", {}).answer()->refusal == EgressRefusal::malformed);
  CHECK(proxy.open_with(encode(job), {}).answer()->refusal == EgressRefusal::descriptors);
  auto swapped = proxy.sockets_for(job);
  std::swap(swapped[0], swapped[1]);
  CHECK(proxy.open_with(encode(job), swapped).answer()->refusal == EgressRefusal::descriptors);
  swapped.clear();
  auto open = proxy.open(job);
  CHECK(open.served());
  open.close();
  proxy.watcher().wait_for<JobClosed>();
  check(::seteuid(61003), "become nobody in particular");
  CHECK_FALSE(proxy.open_with(encode(job), {}).answer());
  check(::seteuid(0), "become root again");
}

TEST_CASE("a head that never ends is refused at its deadline, and many of them keep nobody else out") {
  World world;
  world.name("a.test", {{"93.184.216.40"}});
  Proxy proxy(world);
  auto job = job_of({grant("a.test", {80}, EgressMode::http)});
  job.limits.head_ms = 1500;
  auto open = proxy.open(job);
  REQUIRE(open.served());
  std::vector<std::unique_ptr<Connection>> half;
  for (int i = 0; i < 100; ++i) {
    half.push_back(std::make_unique<Connection>(world, job.names[0].address, 80));
    half.back()->send("GET / HT");
  }
  Connection other(world, job.names[0].address, 80);
  CHECK(other.ask("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").bytes.starts_with("HTTP/1.1 200"));
  CHECK(half[0]->receive(seconds(10)).bytes.starts_with("HTTP/1.1 408"));
}

TEST_CASE("an idle flow is reset at its time, and not before") {
  World world;
  world.name("a.test", {{"93.184.216.40"}});
  Proxy proxy(world);
  auto job = job_of({grant("a.test", {7003}, EgressMode::raw)});
  job.limits.idle_ms = 500;
  auto open = proxy.open(job);
  REQUIRE(open.served());
  Connection idle(world, job.names[0].address, 7003);
  idle.send("x");
  CHECK(idle.receive(seconds(10)).end == End::reset);
  const auto closed = proxy.watcher().wait_for<FlowClosed>().at(0);
  CHECK(closed.reason == FlowReason::idle);
  CHECK(closed.duration_us >= 500'000);
}

TEST_CASE("a killed cordon-egress takes its flows with it and leaves nothing that listens") {
  Stage stage;
  auto connection = stage.connect(7000);
  connection.send("x");
  REQUIRE(connection.receive(seconds(10), 1).bytes == "x");
  stage.proxy.process().end();
  CHECK(connection.receive(seconds(5)).end != End::nothing);
  CHECK(stage.connect(7000).error() == ECONNREFUSED);
}
