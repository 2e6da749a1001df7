// What cordond says of a job against what the launcher saw of it.
#include <catch2/catch.hpp>

#include "supervisor/evidence/cross_check.hpp"
#include "tests/unit/evidence_bench.hpp"

namespace cordon {
namespace {

using namespace test;

enum Part { decision, started, ended, outcome };

// A log of these records, one every second, and long after them a last one.
EvidenceLog log_of(std::vector<EvidenceRecord> records, const std::string& last = "2026-11-29T07:00:00.000Z") {
  EvidenceLog log;
  records.push_back({EvidenceKind::opened, {}});
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto time = "2026-11-29T06:00:" + std::string(i < 10 ? "0" : "") + std::to_string(i) + ".000Z";
    EvidenceEntry entry;
    entry.text = evidence_line(records[i], {i, i + 1 == records.size() ? last : time});
    entry.leaf = merkle::leaf_hash(entry.text);
    entry.file = "f";
    log.entries.push_back(std::move(entry));
  }
  return log;
}

CrossChecked check(std::vector<EvidenceRecord> records) {
  return cross_check(log_of(std::move(records)), std::chrono::seconds(60));
}

void expect_contradiction(std::vector<EvidenceRecord> records, std::uint64_t entry, const std::string& what) {
  const auto checked = check(std::move(records));
  REQUIRE(checked.contradictions.size() == 1);
  CHECK(checked.contradictions.front().entry == entry);
  CHECK(checked.contradictions.front().what.find(what) != std::string::npos);
}

}  // namespace

TEST_CASE("a job of which both say the same is no contradiction") {
  const auto checked = check(story(1));
  CHECK(checked.contradictions.empty());
  CHECK(checked.open.empty());
  CHECK(checked.started == 1);
  CHECK(checked.outcomes == 1);
}

TEST_CASE("an outcome other than the launcher saw is a contradiction", "[governed:evidence]") {
  auto records = story(1, 1);
  records[outcome].put("code", std::uint64_t{0});
  expect_contradiction(records, 3, "\"exited 0\"");
  records[outcome].put("outcome", std::string("cancelled"));
  expect_contradiction(records, 3, "cancelled");
}

TEST_CASE("an outcome that the launcher has not seen is a contradiction", "[governed:evidence]") {
  const auto records = story(1);
  expect_contradiction({records[decision], records[outcome]}, 1, "has not seen that");
  expect_contradiction({records[decision], records[started], records[outcome]}, 2, "has not seen that");
}

TEST_CASE("an outcome that is left out is a contradiction, unless cordond ended just then", "[governed:evidence]") {
  const auto records = story(1);
  expect_contradiction({records[decision], records[started], records[ended]}, 2, "has not said how");
  const auto restarted = check({records[decision], records[started], records[ended], {EvidenceKind::serving, {}}});
  CHECK(restarted.contradictions.empty());
  CHECK(restarted.open.size() == 1);
}

TEST_CASE("what the launcher ran and cordond never let in is a contradiction", "[governed:evidence]") {
  const auto records = story(1);
  expect_contradiction({records[started], records[ended], records[outcome]}, 0, "let it in");
}

TEST_CASE("a connection that was let out for a job that was not let in, or as somebody else, is a contradiction") {
  const auto records = story(1);
  const auto job = std::get<std::string>(records[decision].fields.at("job"));
  EvidenceRecord flow{EvidenceKind::flow, {}};
  flow.put("job", job).put("actor", std::string("alice")).put("tenant", std::string("t1"));
  CHECK(check({records[decision], records[started], flow, records[ended], records[outcome]}).contradictions.empty());
  expect_contradiction({flow}, 0, "cordon-egress let a connection of it out");
  expect_contradiction({flow, records[decision], records[started], records[ended], records[outcome]}, 0, "let in");
  for (const char* whose : {"actor", "tenant", "tool", "profile"}) {
    auto other = flow;
    other.put(whose, std::string("mallory"));
    expect_contradiction({records[decision], records[started], other, records[ended], records[outcome]}, 2,
                         "for somebody");
  }
}

TEST_CASE("other usage, other limits and another profile than the launcher saw are contradictions") {
  auto records = story(1);
  records[outcome].put("usage", EvidenceNumbers{{"cpu_us", 1}});
  expect_contradiction(records, 3, "used other");
  records = story(1);
  records[started].put("limits", EvidenceNumbers{{"pids", 65}});
  expect_contradiction(records, 1, "\"limits\"");
  records = story(1);
  records[started].put("profile_sha256", std::string("ff"));
  expect_contradiction(records, 1, "\"profile_sha256\"");
}

TEST_CASE("an image whose file is another than was decided is a contradiction, and one without a file is none") {
  auto records = story(1);
  records[decision].put("image_sha256", std::string("aa"));
  CHECK(check(records).contradictions.empty());  // of a launcher that does not say it yet
  records[started].put("image_sha256", std::string("aa"));
  CHECK(check(records).contradictions.empty());
  records[started].put("image_sha256", std::string("bb"));
  expect_contradiction(records, 1, "\"image_sha256\"");
  records = story(1);
  records[started].put("image_sha256", std::string("bb"));
  expect_contradiction(records, 1, "\"image_sha256\"");
}

TEST_CASE("two outcomes of one job are a contradiction") {
  auto records = story(1);
  records.push_back(records[outcome]);
  expect_contradiction(records, 4, "more than one");
}

TEST_CASE(
    "an outcome that the next cordond tells again is one outcome, and another one that it tells is a contradiction") {
  auto records = story(1);
  auto again = records[outcome];
  again.put("retold", std::string("true")).put("noted_at", std::string("2026-11-29T06:00:03.000Z"));
  records.push_back(again);
  const auto checked = check(records);
  CHECK(checked.contradictions.empty());
  CHECK(checked.outcomes == 1);
  records.back().put("stdout_sha256", std::string(64, '0'));
  expect_contradiction(records, 4, "more than one outcome");
  records.back() = records[outcome];  // the same, and not marked
  expect_contradiction(records, 4, "more than one outcome");
}

TEST_CASE("a cordond that comes back and does not know what the one before it told is no contradiction") {
  auto records = story(1);
  records.push_back(records[outcome]);
  records.back().put("outcome", std::string("lost"));
  CHECK(check(records).contradictions.empty());
  std::swap(records[3], records[4]);
  CHECK(check(records).contradictions.empty());
}

TEST_CASE("sandboxes in which nothing ran are no run") {
  auto records = story(1);
  auto stale = records[ended], first = records[started];
  first.put("run", std::string("00000000000000ff"));
  stale.put("run", std::string("00000000000000ff")).put("ending", std::string("stale"));
  records.insert(records.begin() + 1, {first, stale});
  CHECK(check(records).contradictions.empty());
}

TEST_CASE("that cordond does not know is no contradiction, and a job that runs is open") {
  auto records = story(1);
  records[outcome].put("outcome", std::string("lost"));
  CHECK(check(records).contradictions.empty());
  const auto running = check({records[decision], records[started]});
  CHECK(running.contradictions.empty());
  CHECK(running.open.size() == 1);
}

}  // namespace cordon
