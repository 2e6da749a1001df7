#include <catch2/catch.hpp>

#include "cli/sse.hpp"
#include "supervisor/events/operator_events.hpp"
#include "supervisor/events/trip_rules.hpp"

using namespace cordon;
using namespace std::chrono_literals;

namespace {

const WallTime noon{std::chrono::seconds(1'800'000'000)};

OperatorEvent event_at(WallTime time, EventKind kind = EventKind::lost, std::string detail = "") {
  return {0, time, kind, usual_severity(kind), {"uid:1", "default", "", "default", "job-1"}, std::move(detail)};
}

std::vector<Json> read(OperatorEvents& events, std::optional<std::uint64_t> after) {
  OperatorEventReader reader(events, after, OperatorEventReader::Until::newest);
  cli::EventParser parser;
  while (const auto text = reader.next()) parser.feed(*text);
  CHECK(reader.done());
  std::vector<Json> out;
  while (const auto event = parser.next()) {
    out.push_back(Json::parse(event->data));
    CHECK(event->type == out.back().at("kind"));
    CHECK(parser.last_id() == std::to_string(out.back().at("id").get<std::uint64_t>()));
  }
  return out;
}

TripRules rules_of(DenialThreshold burst, std::vector<TripRule> trips = {}) {
  TripRules rules;
  rules.configure({burst, std::move(trips), std::nullopt});
  return rules;
}

const DenialWindow::Time begin{};

}  // namespace

TEST_CASE("an event says what, when, how bad, and whom it is about") {
  const auto json =
      Json::parse(event_json({7, noon, EventKind::lost, Severity::warning, {"uid:1", "", "", "p", "j"}, "x"}));
  CHECK(json == Json::parse(R"({"id": 7, "time": "2027-01-15T08:00:00.000Z", "kind": "lost", "severity": "warning",
                                "subject": {"actor": "uid:1", "profile": "p", "job": "j"}, "detail": "x"})"));
}

TEST_CASE("an event is one small line of JSON, whatever bytes it is about", "[threat:terminal-escapes]") {
  const std::string bytes = "\x1b[2J\n\r\xff\xfe" + std::string(100'000, 'a');
  const auto line =
      event_json({1, noon, EventKind::setup_failed, Severity::warning, {bytes, bytes, "", "", ""}, bytes});
  CHECK(line.size() < 8192);
  CHECK(line.find_first_of("\x1b\n\r") == std::string::npos);
  CHECK(Json::parse(line).at("detail").get<std::string>().starts_with("\x1b[2J\n\r"));
}

TEST_CASE("ids of events grow, also within a microsecond, after a restart, and when the clock goes back") {
  OperatorEvents first;
  first.add(event_at(noon));
  first.add(event_at(noon));
  first.add(event_at(noon - 24h));
  const auto told = read(first, std::nullopt);
  REQUIRE(told.size() == 3);
  CHECK(told[0].at("id") == 1'800'000'000'000'000);
  CHECK(told[1].at("id") == 1'800'000'000'000'001);
  CHECK(told[2].at("id") == 1'800'000'000'000'002);
  OperatorEvents restarted;
  restarted.add(event_at(noon + 1s, EventKind::started));
  CHECK(restarted.newest() > first.newest());
  CHECK(restarted.newest() < (std::uint64_t{1} << 53));
}

TEST_CASE("a reader goes on behind what it has seen, and is told nothing twice") {
  OperatorEvents events;
  for (int i = 0; i < 5; ++i) events.add(event_at(noon + i * 1s, EventKind::lost, std::to_string(i)));
  const auto all = read(events, std::nullopt);
  REQUIRE(all.size() == 5);
  const auto rest = read(events, all[2].at("id").get<std::uint64_t>());
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].at("detail") == "3");
  CHECK(read(events, events.newest()).empty());
}

TEST_CASE("whoever was too slow is told that there is a gap, and then everything that is kept") {
  OperatorEvents events(OperatorEvents::Bounds{4, 1000});
  events.add(event_at(noon));
  OperatorEventReader slow(events, std::nullopt, OperatorEventReader::Until::ever);
  CHECK(slow.next());
  CHECK_FALSE(slow.next());
  for (int i = 1; i <= 10; ++i) events.add(event_at(noon + i * 1s, EventKind::lost, std::to_string(i)));
  const auto gap = slow.next();
  REQUIRE(gap);
  CHECK(gap->starts_with("event: gap\n"));
  int more = 0;
  while (slow.next()) ++more;
  CHECK(more == 4);
  CHECK_FALSE(slow.done());
}

TEST_CASE("after a restart a reader is told that what lay between may be missing, also when the clock went back") {
  OperatorEvents restarted;
  restarted.add(event_at(noon, EventKind::started));
  restarted.add(event_at(noon + 1s));
  for (const auto seen : {restarted.newest() - 5'000'000, restarted.newest() + 86'400'000'000}) {
    const auto told = read(restarted, seen);
    REQUIRE(told.size() == 3);
    CHECK(told[0].at("kind") == "gap");
    CHECK(told[1].at("kind") == "started");
    // The gap's own id resumes where it left off.
    CHECK(read(restarted, told[0].at("id").get<std::uint64_t>()).size() == 2);
  }
}

TEST_CASE("a flood of one kind does not push out the others, and that it was cut is said") {
  OperatorEvents events(OperatorEvents::Bounds{100, 10});
  events.add(event_at(noon, EventKind::kill, "the one that matters"));
  for (int i = 0; i < 10'000; ++i) events.add(event_at(noon + i * 1ms));
  auto told = read(events, std::nullopt);
  REQUIRE(told.size() == 12);
  CHECK(told[0].at("detail") == "the one that matters");
  CHECK(told[11].at("kind") == "suppressed");
  CHECK(events.told(EventKind::lost) == 10'000);
  events.add(event_at(noon + 61s));
  CHECK(read(events, std::nullopt).size() == 13);
}

TEST_CASE("many denials of one control by one actor within the time are a burst, once for each so many") {
  auto rules = rules_of({10, 60});
  for (int i = 0; i < 9; ++i) CHECK_FALSE(rules.add("a", "", "seccomp", 1, begin + i * 1s).burst);
  CHECK_FALSE(rules.add("b", "", "seccomp", 9, begin + 10s).burst);
  CHECK_FALSE(rules.add("a", "", "pids", 9, begin + 10s).burst);
  CHECK_FALSE(rules.add("a", "", "seccomp", 0, begin + 10s).burst);
  CHECK(rules.add("a", "", "seccomp", 1, begin + 10s).burst);
  CHECK_FALSE(rules.add("a", "", "seccomp", 9, begin + 11s).burst);
  CHECK(rules.add("a", "", "seccomp", ~std::uint64_t{0}, begin + 12s).burst);
}

TEST_CASE("denials that are older than the window count no more") {
  auto rules = rules_of({10, 60});
  CHECK_FALSE(rules.add("a", "", "seccomp", 9, begin).burst);
  CHECK_FALSE(rules.add("a", "", "seccomp", 9, begin + 60s).burst);
  CHECK_FALSE(rules.add("a", "", "seccomp", 0, begin + 119s).burst);
  CHECK(rules.add("a", "", "seccomp", 1, begin + 119s).burst);
}

TEST_CASE("a rule trips the actor or the tool that reached it, with its reason") {
  auto rules = rules_of({1000, 60}, {{"seccomp", {5, 60}, TripScope::actor, "tries too much"},
                                     {"network", {3, 10}, TripScope::tool, "calls home"}});
  CHECK(rules.add("a", "t", "seccomp", 4, begin).trips.empty());
  const auto actor = rules.add("a", "t", "seccomp", 1, begin + 1s).trips;
  REQUIRE(actor.size() == 1);
  CHECK(actor[0].scope == TripScope::actor);
  CHECK(actor[0].name == "a");
  CHECK(actor[0].reason == "tries too much");
  CHECK(rules.add("a", "", "network", 100, begin).trips.empty());  // called through no tool
  CHECK(rules.add("a", "t", "network", 2, begin).trips.empty());
  const auto tool = rules.add("b", "t", "network", 1, begin + 9s).trips;  // of whomever
  REQUIRE(tool.size() == 1);
  CHECK(tool[0].scope == TripScope::tool);
  CHECK(tool[0].name == "t");
}

TEST_CASE("what is remembered of actors is bounded by those who were refused something lately") {
  auto rules = rules_of({10, 60});
  for (int i = 0; i < 100'000; ++i) rules.add(std::to_string(i), "", "seccomp", 1, begin + i * 100ms);
  CHECK(rules.remembered() < 8192);
}

TEST_CASE("the same configuration loaded anew forgets nothing, another one begins anew") {
  auto rules = rules_of({10, 60});
  CHECK_FALSE(rules.add("a", "", "seccomp", 9, begin).burst);
  rules.configure({{10, 60}, {}, std::nullopt});
  CHECK(rules.add("a", "", "seccomp", 1, begin).burst);
  CHECK_FALSE(rules.add("a", "", "seccomp", 9, begin).burst);
  rules.configure({{10, 30}, {}, std::nullopt});
  CHECK_FALSE(rules.add("a", "", "seccomp", 1, begin).burst);
}
