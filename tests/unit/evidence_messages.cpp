// What is said to the ledger, and the line that becomes of it.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "sandbox/witness.hpp"
#include "supervisor/evidence/ledger_message.hpp"
#include "supervisor/evidence/segment.hpp"

namespace cordon {
namespace {

EvidenceRecord some_record() {
  EvidenceRecord record{EvidenceKind::outcome, {}};
  record.put("job", std::string("0192")).put("code", std::uint64_t{3}).put("list", std::vector<std::string>{"b", "a"});
  record.put("labels", EvidenceTexts{{"tenant", "fake"}, {"a\"\n", "\x01"}});
  return record.put("limits", EvidenceNumbers{{"pids", 5}});
}

witness::Started some_start() {
  return {7, "0192", "host", sha256("p"), sha256("f"), sha256("i"), {}};
}

}  // namespace

TEST_CASE("an entry is one line of JSON with sorted keys, the ledger's own among them") {
  const auto line = evidence_line(some_record(), {42, "2026-11-29T06:00:00.000Z"});
  CHECK(line == R"({"code":3,"index":42,"job":"0192","kind":"outcome","labels":{"a\"\n":"\u0001","tenant":"fake"},)"
                R"("limits":{"pids":5},"list":["b","a"],"source":"cordond","time":"2026-11-29T06:00:00.000Z"})");
  CHECK(nlohmann::json::parse(line).dump() == line);
}

TEST_CASE("octets that are no UTF-8 do not make an entry unreadable") {
  EvidenceRecord record{EvidenceKind::outcome, {}};
  record.put("error", std::string("a\xff\xc3z\xe2\x82\xac\xe2\x82"));
  const auto line = evidence_line(record, {});
  CHECK(nlohmann::json::parse(line).at("error") == "a\uFFFD\uFFFDz\u20AC\uFFFD\uFFFD");
}

TEST_CASE("two names that differ in what is no UTF-8 only stay two members of an entry") {
  EvidenceRecord record{EvidenceKind::outcome, {}};
  record.put("artifacts", EvidenceTexts{{"a\xfe", "1"}, {"a\xff", "2"}, {"a\uFFFD~", "3"}, {"b", "4"}});
  record.put("counts", EvidenceNumbers{{"\xfe", 5}, {"\xff", 6}});
  const auto line = evidence_line(record, {});
  const auto json = nlohmann::json::parse(line);
  CHECK(json.dump() == line);  // sorted, and none twice
  CHECK(json.at("artifacts").size() == 4);
  CHECK(json.at("artifacts").at("a\uFFFD") == "1");
  CHECK(json.at("counts").size() == 2);
}

TEST_CASE("a member of an entry is found at the outside only") {
  const auto line = evidence_line(some_record(), {});
  CHECK(raw_member(line, "job") == "0192");
  CHECK(raw_member(line, "tenant").empty());
  CHECK(raw_member(R"({"a":"x\"","job":"j"})", "job") == "j");
  CHECK(raw_member(R"({"a":"\",\"job\":\"k"})", "job").empty());
}

TEST_CASE("what is larger than an entry may be is cut, and says so") {
  EvidenceRecord record{EvidenceKind::outcome, {}};
  EvidenceTexts many;
  for (int i = 0; i < 1000; ++i) many["artifact " + std::to_string(i)] = std::string(5000, 'x');
  record.put("job", std::string("0192")).put("artifacts", many).put("reason", std::string(10000, 'y'));
  bound(record);
  CHECK(evidence_line(record, {}).size() <= max_evidence_entry);
  CHECK(encode(ToLedger(Append{1, record})).size() <= max_ledger_message);
  CHECK(std::get<std::uint64_t>(record.fields.at("left_out")) > 0);
  CHECK(std::get<std::string>(record.fields.at("job")) == "0192");
  CHECK(std::get<std::string>(record.fields.at("reason")).size() <= max_evidence_text);
}

TEST_CASE("a message to the ledger is what was said, or nothing") {
  const auto message = encode(ToLedger(Append{9, some_record()}));
  const auto decoded = decode_to_ledger(message);
  REQUIRE(decoded);
  const auto& append = std::get<Append>(*decoded);
  CHECK(append.number == 9);
  CHECK(append.record.kind == EvidenceKind::outcome);
  CHECK(append.record.fields == some_record().fields);
  for (std::size_t i = 0; i < message.size(); ++i) CHECK_FALSE(decode_to_ledger(message.substr(0, i)));
  CHECK_FALSE(decode_to_ledger(message + "x"));
  for (std::size_t i = 0; i < 8; ++i) {
    auto changed = message;
    changed[i] = static_cast<char>(changed[i] ^ 0x40);
    CHECK_FALSE(decode_to_ledger(changed));
  }
}

TEST_CASE("a message has one form: fields in another order, or a value that is said not to be there, are none") {
  EvidenceRecord record{EvidenceKind::outcome, {}};
  auto message = encode(ToLedger(Append{1, record.put("a", std::uint64_t{1}).put("b", std::uint64_t{1})}));
  const auto a = message.find('a', 8), b = message.find('b', a);
  std::swap(message[a], message[b]);
  CHECK_FALSE(decode_to_ledger(message));
  auto ended = encode(witness::Ended{7, "0192", 0, 0, {}});
  REQUIRE(witness::decode_ended(ended));
  ended.back() = 1;
  CHECK_FALSE(witness::decode_ended(ended));
}

TEST_CASE("a record cannot bring what is the ledger's to add, nor a field twice") {
  for (const char* name : {"index", "kind", "source", "time", "client", "number", "", "Job", "a b"}) {
    EvidenceRecord record{EvidenceKind::outcome, {}};
    record.put(name, std::string("x"));
    CHECK_FALSE(decode_to_ledger(encode(ToLedger(Append{1, record}))));
  }
}

TEST_CASE("the launcher's two records are what was said, or nothing") {
  const auto started = encode(some_start());
  CHECK(witness::decode_started(started) == some_start());
  Finished finished;
  finished.ending = Signalled{11};
  finished.usage = {5, 6, 7, std::nullopt, 8, 9};
  const auto ended = witness::ended(7, "0192", finished);
  CHECK(ended.code == 11);
  CHECK(witness::ending_name(ended.ending) == "signalled");
  const auto message = encode(ended);
  CHECK(witness::decode_ended(message) == ended);
  CHECK_FALSE(witness::decode_started(message));
  CHECK_FALSE(witness::decode_ended(started));
  for (std::size_t i = 0; i < message.size(); ++i) CHECK_FALSE(witness::decode_ended(message.substr(0, i)));
  for (std::size_t i = 0; i < started.size(); ++i) CHECK_FALSE(witness::decode_started(started.substr(0, i)));
  auto bad = some_start();
  bad.job = "../x\n";
  CHECK_FALSE(witness::decode_started(encode(bad)));
}

}  // namespace cordon
