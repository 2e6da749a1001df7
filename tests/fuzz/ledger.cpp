// What cordond, cordon-egress and the launcher say to cordon-ledger, and what it answers: what is taken is written
// again as it came, and whatever is taken becomes one line of JSON of one form, which is found again in the file.
#include <nlohmann/json.hpp>

#include "supervisor/evidence/flow_evidence.hpp"
#include "supervisor/evidence/ledger_message.hpp"
#include "supervisor/evidence/segment.hpp"
#include "supervisor/ledger/peers.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon;
using cordon::fuzz::must;

namespace {

// RFC 8259 has two escapes of these; an entry has the longer.
std::string long_escapes(std::string_view json) {
  std::string out;
  for (std::size_t at = 0; at < json.size(); ++at) {
    if (json[at] != '\\') {
      out += json[at];
      continue;
    }
    const char which = json[++at];
    out += which == 'b' ? "\\u0008" : which == 'f' ? "\\u000c" : std::string{'\\', which};
  }
  return out;
}

void check_entry(const EvidenceRecord& record) {
  const auto line = evidence_line(record, {3, "2026-11-29T06:00:00.000Z"});
  const auto json = nlohmann::json::parse(line, nullptr, false);
  must(!json.is_discarded(), "an entry is JSON");
  must(long_escapes(json.dump()) == line, "an entry has one form");
  must(json.at("kind") == std::string(to_string(record.kind)), "an entry says of what kind it is");
  must(json.at("source") == std::string(to_string(source_of(record.kind))), "an entry says who said it");
  const auto leaf = merkle::leaf_hash(line);
  const auto file = segment_head({}) + frame(line, leaf);
  const auto segment = read_segment(file);
  must(segment && !segment->fault && segment->entries.size() == 1, "an entry is found again");
  must(segment->entries[0].text == line, "an entry is found as it was written");
  for (const auto& [name, value] : record.fields) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || line.find('\\') != std::string::npos) continue;
    must(raw_member(line, name) == json.at(name).get<std::string>(), "a member is found without a parser");
  }
}

void check_bounds(const Append& append) {
  auto record = append.record;
  bound(record);
  const bool is_least = record.fields.size() <= 1 + record.fields.count("left_out");
  must(is_least || evidence_line(record, {}).size() <= max_evidence_entry, "an entry is no larger than it may be");
  must(decode_to_ledger(encode(ToLedger(Append{1, record}))).has_value(), "what is bounded is taken");
}

void check_to_ledger(std::string_view bytes) {
  if (bytes.size() > max_ledger_message) return;  // none such is received
  const auto message = decode_to_ledger(bytes);
  if (!message) return;
  must(encode(*message) == bytes, "a message to the ledger has one form");
  must(!decode_from_ledger(bytes), "a message to the ledger is none of its answers");
  if (const auto* append = std::get_if<Append>(&*message)) {
    check_entry(append->record);
    check_bounds(*append);
  }
}

void check_witness(std::string_view bytes) {
  if (const auto started = witness::decode_started(bytes)) {
    must(encode(*started) == bytes, "what was started has one form");
    check_entry(ledger::record_of(*started));
  }
  if (const auto ended = witness::decode_ended(bytes)) {
    must(encode(*ended) == bytes, "what has ended has one form");
    check_entry(ledger::record_of(*ended));
  }
  if (const auto run = witness::decode_written(bytes)) must(witness::encode_written(*run) == bytes, "and the answer");
}

void check_flow(std::string_view bytes) {
  const auto flow = decode_flow_to_write(bytes);
  if (!flow) return;
  must(encode(*flow) == bytes, "what is to be written has one form");
  const auto record = flow_evidence(flow->decided, flow->owner);
  must(source_of(record.kind) == EvidenceSource::egress, "cordon-egress says nothing in another's name");
  check_entry(record);
  must(evidence_line(record, {}).size() <= max_evidence_entry, "an entry is no larger than it may be");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  check_to_ledger(bytes);
  if (const auto answer = decode_from_ledger(bytes)) must(encode(*answer) == bytes, "an answer has one form");
  check_witness(bytes);
  check_flow(bytes);
  return 0;
}
