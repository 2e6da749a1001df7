// Promise (docs/evidence.md, "What is recorded"): every refusal that was decided is on the record, the first of a kind
// at once, and a flood of them takes no more room than its bound.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <set>

#include "sandbox/kernel/file.hpp"
#include "supervisor/admission/refusals.hpp"
#include "supervisor/evidence/kept_refusals.hpp"
#include "tests/unit/evidence_bench.hpp"

using namespace cordon;
using namespace std::chrono_literals;

namespace {

using TimePoint = RefusalTally::TimePoint;
const TimePoint start{1h};

Refusal refusal(std::uint32_t uid, const std::string& code, const std::string& tool = "",
                const std::string& detail = "because") {
  return {uid, {"actor-" + std::to_string(uid), "t"}, 403, code, detail, tool, "default", sha256("policy")};
}

Rejection coded(unsigned status, const char* code) {
  Rejection out;
  out.status = status;
  out.code = code;
  return out;
}

std::uint64_t count_of(const EvidenceRecord& record) {
  return std::get<std::uint64_t>(record.fields.at("count"));
}

std::string text_in(const EvidenceRecord& record, const char* name) {
  const auto at = record.fields.find(name);
  return at == record.fields.end() ? "" : std::get<std::string>(at->second);
}

std::vector<EvidenceRecord> records_of(std::vector<RefusalTally::Counts> all) {
  std::vector<EvidenceRecord> out;
  for (auto& one : all) out.push_back(std::move(one.record));
  return out;
}

std::uint64_t sum(const std::vector<EvidenceRecord>& records) {
  std::uint64_t all = 0;
  for (const auto& record : records) all += count_of(record);
  return all;
}

}  // namespace

TEST_CASE("the first refusal of a kind goes on the record at once, and says who, what and why", "[governed:refusal]") {
  RefusalTally tally;
  CHECK(tally.add(refusal(7, "policy_refused", "mail"), start));
  const auto records = records_of(tally.take_due(start));
  REQUIRE(records.size() == 1);
  const auto& record = records.front();
  CHECK(record.kind == EvidenceKind::refusal);
  CHECK(text_in(record, "actor") == "actor-7");
  CHECK(text_in(record, "tenant") == "t");
  CHECK(std::get<std::uint64_t>(record.fields.at("uid")) == 7);
  CHECK(text_in(record, "tool") == "mail");
  CHECK(text_in(record, "profile") == "default");
  CHECK(text_in(record, "code") == "policy_refused");
  CHECK(text_in(record, "reason") == "because");
  CHECK(text_in(record, "policy_sha256") == hex(sha256("policy")));
  CHECK(std::get<std::uint64_t>(record.fields.at("status")) == 403);
  CHECK(count_of(record) == 1);
  CHECK(tally.take_due(start).empty());
}

TEST_CASE("further refusals of a kind within a minute are one record with their count and the latest reason") {
  RefusalTally tally;
  tally.add(refusal(7, "rate_limited"), start);
  tally.take_due(start);
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(tally.add(refusal(7, "rate_limited", "", std::to_string(i)), start + 59s));
  CHECK(tally.waiting() == 1000);
  CHECK(tally.take_due(start + 59s).empty());
  CHECK(tally.next() == start + 60s);
  const auto records = records_of(tally.take_due(start + 60s));
  REQUIRE(records.size() == 1);
  CHECK(count_of(records.front()) == 1000);
  CHECK(text_in(records.front(), "reason") == "999");
  CHECK(tally.take_due(start + 119s).empty());
  CHECK(tally.take_due(start + 120s).empty());  // nothing came: it is forgotten
  CHECK_FALSE(tally.next());
  CHECK(tally.add(refusal(7, "rate_limited"), start + 121s));  // and the next is a first one again
}

TEST_CASE("other actors, codes, tools and profiles are other kinds of refusals") {
  RefusalTally tally;
  auto profile = refusal(7, "policy_refused", "mail");
  profile.profile = "strict";
  for (const auto& one : {refusal(7, "policy_refused", "mail"), refusal(8, "policy_refused", "mail"),
                          refusal(7, "grant_ended", "mail"), refusal(7, "policy_refused", "pay"), profile})
    CHECK(tally.add(one, start));
  CHECK(tally.take_due(start).size() == 5);
}

TEST_CASE("a flood of refusals of every kind fills no more than its bound, and every one is counted",
          "[governed:refusal]") {
  RefusalTally tally;
  std::size_t written = 0;
  std::uint64_t counted = 0, told = 0;
  for (int second = 0; second < 300; ++second) {
    const auto now = start + std::chrono::seconds(second);
    for (std::uint32_t i = 0; i < 2000; ++i) {
      tally.add(refusal(i % 100, "code-" + std::to_string(i), "tool-" + std::to_string(second)), now);
      ++told;
    }
    const auto records = records_of(tally.take_due(now));
    written += records.size();
    counted += sum(records);
  }
  CHECK(written <= 6 * (RefusalTally::most + 1));  // each kind once a minute
  CHECK(counted + tally.waiting() == told);
  counted += sum(records_of(tally.take_all()));
  CHECK(counted == told);
  CHECK(tally.waiting() == 0);
}

TEST_CASE("whoever is refused in many ways takes no room from the others' refusals") {
  RefusalTally tally;
  for (int i = 0; i < 1000; ++i) tally.add(refusal(7, "code", "tool-" + std::to_string(i)), start);
  tally.add(refusal(8, "policy_refused"), start);
  std::map<std::uint64_t, std::size_t> of_uid;
  bool several = false;
  for (const auto& record : records_of(tally.take_due(start))) {
    const auto uid = std::get<std::uint64_t>(record.fields.at("uid"));
    ++of_uid[uid];
    if (text_in(record, "code") != "several") continue;
    several = true;
    CHECK(uid == 7);
    CHECK(count_of(record) == 1000 - RefusalTally::most_of_one_uid);
    CHECK(text_in(record, "tool").empty());
  }
  CHECK(several);
  CHECK(of_uid == std::map<std::uint64_t, std::size_t>{{7, RefusalTally::most_of_one_uid + 1}, {8, 1}});
}

TEST_CASE("whom the kernel does not name is refused under no uid, and nobody's is uid 0") {
  RefusalTally tally;
  Refusal nameless{std::nullopt, {}, 403, "not_a_member", "this socket is not for you", "", "", {}};
  tally.add(nameless, start);
  const auto records = records_of(tally.take_due(start));
  REQUIRE(records.size() == 1);
  CHECK_FALSE(records.front().fields.contains("uid"));
  CHECK_FALSE(records.front().fields.contains("actor"));
}

TEST_CASE("what is decided is a decision, and a mistake in a request is none") {
  for (const auto& why :
       {unknown_actor("uid:7"), rate_limited({ScopeKind::actor, "a"}, {1000, 1}, 1s), queue_full("max_queued", 10, 1s),
        coded(403, "kill_switch_engaged"), coded(403, "tool_drifted"), coded(409, "binding_mismatch")})
    CHECK(is_decision(why));
  for (const auto& why : {invalid_input({}), not_found("x"), overloaded("evidence_unavailable", "x", 1),
                          coded(409, "idempotency_mismatch"), coded(405, "method_not_allowed")})
    CHECK_FALSE(is_decision(why));
}

TEST_CASE("while the ledger is away refusals are counted and take no room, and before the end they are said") {
  asio::io_context io(1);
  Evidence evidence(io.get_executor(), "/nonexistent/ledger.sock");
  KeptRefusals refusals(io.get_executor(), evidence);
  for (int i = 0; i < 1000; ++i) refusals.add(refusal(7, "policy_refused"));
  CHECK(evidence.standing().waiting == 0);
  refusals.write_all();
  CHECK(evidence.standing().waiting == 1);
  refusals.write_all();
  CHECK(evidence.standing().waiting == 1);
}

TEST_CASE("no two kinds of refusals have one place at a time, and places are used again") {
  RefusalTally tally;
  std::size_t highest = 0;
  for (int minute = 0; minute < 10; ++minute) {
    const auto now = start + std::chrono::minutes(2 * minute);
    tally.take_due(now);  // what was told two minutes ago is forgotten
    std::set<std::size_t> places;
    for (std::uint32_t uid = 0; uid < 100; ++uid) {
      tally.add(refusal(uid, "code-" + std::to_string(minute)), now);
      const auto counts = tally.latest();
      REQUIRE(counts);
      CHECK(count_of(counts->record) == 1);
      CHECK(text_in(counts->record, "actor") == "actor-" + std::to_string(uid));
      places.insert(counts->place);
    }
    CHECK(places.size() == 100);
    highest = std::max(highest, *places.rbegin());
    std::set<std::size_t> taken;
    for (const auto& one : tally.take_due(now)) taken.insert(one.place);
    CHECK(taken == places);
    CHECK_FALSE(tally.latest());
  }
  CHECK(highest < 200);
}

TEST_CASE("what was counted when cordond was killed is in a file, and the next cordond tells it, once",
          "[governed:refusal]") {
  const test::Scratch scratch;
  const auto path = scratch.path + "/refusals";
  const auto in_file = [&] {
    std::map<std::string, std::uint64_t> counts;
    for (const auto& record : RefusalFile(path).read()) counts[text_in(record, "code")] += count_of(record);
    return counts;
  };
  asio::io_context io(1);
  {
    Evidence away(io.get_executor(), scratch.path + "/no-ledger");
    KeptRefusals killed(io.get_executor(), away, path);
    for (int i = 0; i < 1000; ++i) killed.add(refusal(7, "policy_refused"));
    for (int i = 0; i < 10; ++i) killed.add(refusal(8, "grant_ended", "mail", std::string(5000, 'x')));
    CHECK(in_file() == std::map<std::string, std::uint64_t>{{"policy_refused", 1000}, {"grant_ended", 10}});
  }
  Evidence evidence(io.get_executor(), scratch.path + "/no-ledger", scratch.path + "/untold");
  KeptRefusals next(io.get_executor(), evidence, path);
  next.begin();
  CHECK(evidence.standing().waiting == 2);
  CHECK(in_file().empty());
  const auto waiting = EvidenceBacklog(scratch.path + "/untold").read();
  REQUIRE(waiting.size() == 2);
  CHECK(sum(waiting) == 1010);
  for (const auto& record : waiting) CHECK(text_in(record, "retold") == "true");
}

TEST_CASE("a count that is not whole in its file is none, and harms no other") {
  const test::Scratch scratch;
  const auto path = scratch.path + "/refusals";
  RefusalFile file(path);
  RefusalTally tally;
  for (std::uint32_t uid = 0; uid < 3; ++uid) {
    tally.add(refusal(uid, "policy_refused"), start);
    file.put(tally.latest()->place, tally.latest()->record);
  }
  REQUIRE(file.read().size() == 3);
  auto bytes = read_file(path);
  for (const std::size_t at : {0, 40, 100, 200}) {  // of the first: its digest, its message
    auto changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << changed;
    INFO(at);
    CHECK(file.read().size() == 2);
  }
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes.substr(0, 2048 + 50);
  CHECK(file.read().size() == 2);
}

TEST_CASE("an instance without a ledger counts no refusals for one") {
  asio::io_context io(1);
  Evidence off(io.get_executor(), std::nullopt);
  KeptRefusals refusals(io.get_executor(), off);
  refusals.add(refusal(7, "policy_refused"));
  CHECK(io.poll() == 0);
  CHECK(off.standing().waiting == 0);
}
