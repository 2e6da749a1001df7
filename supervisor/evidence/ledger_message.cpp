#include "supervisor/evidence/ledger_message.hpp"

#include <algorithm>

#include "sandbox/witness.hpp"

namespace cordon {
namespace {

constexpr std::uint32_t magic = 0x4744454c;  // "LEDG"
constexpr std::uint16_t version = 1;
enum class Kind : std::uint16_t {
  hello = 1,
  append = 2,
  attest = 3,
  welcome = 4,
  appended = 5,
  not_appended = 6,
  attested = 7,
  flows = 8
};
constexpr std::size_t max_name = 64, max_attested = 32;

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

void write_header(wire::Writer& w, Kind kind) {
  w.u32(magic);
  w.u16(version);
  w.u16(static_cast<std::uint16_t>(kind));
}

std::optional<Kind> read_header(wire::Reader& r) {
  if (r.u32() != magic || r.u16() != version) return std::nullopt;
  const auto kind = r.u16();
  return r.good() ? std::optional(static_cast<Kind>(kind)) : std::nullopt;
}

void write_value(wire::Writer& w, const EvidenceValue& value) {
  w.u8(static_cast<std::uint8_t>(value.index()));
  std::visit(Overloaded{[&](std::uint64_t number) { w.u64(number); }, [&](const std::string& text) { w.string(text); },
                        [&](const std::vector<std::string>& list) { w.strings(list); },
                        [&](const EvidenceTexts& map) {
                          w.u32(static_cast<std::uint32_t>(map.size()));
                          for (const auto& [name, text] : map) w.string(name), w.string(text);
                        },
                        [&](const EvidenceNumbers& map) {
                          w.u32(static_cast<std::uint32_t>(map.size()));
                          for (const auto& [name, number] : map) w.string(name), w.u64(number);
                        }},
             value);
}

// Only in their order, and none twice: the line that is hashed has one form.
template <typename Map, typename Read>
Map read_map(wire::Reader& r, Read read) {
  Map map;
  const auto count = r.count(max_evidence_items, 8);
  for (std::uint32_t i = 0; i < count && r.good(); ++i) {
    std::string name(r.string(max_evidence_text));
    if (!map.empty() && name <= map.rbegin()->first) r.bad();
    map.emplace_hint(map.end(), std::move(name), read());
  }
  return map;
}

EvidenceValue read_value(wire::Reader& r) {
  switch (r.u8()) {
    case 0:
      return r.u64();
    case 1:
      return std::string(r.string(max_evidence_text));
    case 2:
      return r.strings(max_evidence_items, max_evidence_text);
    case 3:
      return read_map<EvidenceTexts>(r, [&] { return std::string(r.string(max_evidence_text)); });
    case 4:
      return read_map<EvidenceNumbers>(r, [&] { return r.u64(); });
    default:
      r.bad();
      return std::uint64_t{0};
  }
}

bool is_field_name(std::string_view name) {
  if (name.empty() || is_reserved_evidence_field(name)) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::optional<ToLedger> read_append(wire::Reader& r) {
  Append append;
  append.number = r.u64();
  const auto kind = parse_evidence_kind(r.u8());
  if (!kind) return std::nullopt;
  append.record.kind = *kind;
  const auto count = r.count(max_evidence_fields, 6);
  for (std::uint32_t i = 0; i < count && r.good(); ++i) {
    std::string name(r.string(max_name));
    auto& fields = append.record.fields;
    if (!is_field_name(name) || (!fields.empty() && name <= fields.rbegin()->first)) return std::nullopt;
    fields.emplace_hint(fields.end(), std::move(name), read_value(r));
  }
  if (!r.finished() || append.number == 0) return std::nullopt;
  return append;
}

std::optional<ToLedger> read_attest(wire::Reader& r) {
  Attest attest;
  attest.job = r.string(max_name);
  const auto count = r.count(max_attested, 8);
  for (std::uint32_t i = 0; i < count; ++i) attest.entries.push_back(r.u64());
  if (!r.finished()) return std::nullopt;
  return attest;
}

std::optional<FromLedger> read_welcome(wire::Reader& r) {
  Welcome welcome;
  welcome.last_number = r.u64();
  welcome.size = r.u64();
  const auto root = r.raw(welcome.root.size());
  std::copy(root.begin(), root.end(), welcome.root.begin());
  welcome.verifier = r.string(max_evidence_text);
  return r.finished() ? std::optional<FromLedger>(welcome) : std::nullopt;
}

std::optional<FromLedger> read_not_appended(wire::Reader& r) {
  NotAppended refused;
  refused.number = r.u64();
  refused.step = r.string(max_evidence_text);
  refused.object = r.string(max_evidence_text);
  refused.error = r.i32();
  refused.remedy = r.string(max_evidence_text);
  return r.finished() ? std::optional<FromLedger>(refused) : std::nullopt;
}

}  // namespace

std::string encode(const ToLedger& message) {
  wire::Writer w;
  std::visit(Overloaded{[&](const Hello& hello) {
                          write_header(w, Kind::hello);
                          w.u64(hello.client);
                        },
                        [&](const Append& append) {
                          write_header(w, Kind::append);
                          w.u64(append.number);
                          w.u8(static_cast<std::uint8_t>(append.record.kind));
                          w.u32(static_cast<std::uint32_t>(append.record.fields.size()));
                          for (const auto& [name, value] : append.record.fields) {
                            w.string(name);
                            write_value(w, value);
                          }
                        },
                        [&](const Attest& attest) {
                          write_header(w, Kind::attest);
                          w.string(attest.job);
                          w.u32(static_cast<std::uint32_t>(attest.entries.size()));
                          for (const auto entry : attest.entries) w.u64(entry);
                        },
                        [&](const Flows&) { write_header(w, Kind::flows); }},
             message);
  return w.take();
}

std::string encode(const FromLedger& message) {
  wire::Writer w;
  std::visit(Overloaded{[&](const Welcome& welcome) {
                          write_header(w, Kind::welcome);
                          w.u64(welcome.last_number);
                          w.u64(welcome.size);
                          w.raw({reinterpret_cast<const char*>(welcome.root.data()), welcome.root.size()});
                          w.string(welcome.verifier);
                        },
                        [&](const Appended& appended) {
                          write_header(w, Kind::appended);
                          w.u64(appended.number);
                          w.u64(appended.size);
                        },
                        [&](const NotAppended& refused) {
                          write_header(w, Kind::not_appended);
                          w.u64(refused.number);
                          w.string(refused.step);
                          w.string(refused.object);
                          w.i32(refused.error);
                          w.string(refused.remedy);
                        },
                        [&](const Attested& attested) {
                          write_header(w, Kind::attested);
                          w.string(attested.envelope);
                          w.string(attested.why);
                        }},
             message);
  return w.take();
}

std::optional<ToLedger> decode_to_ledger(std::string_view message) {
  wire::Reader r(message);
  const auto kind = read_header(r);
  if (!kind) return std::nullopt;
  switch (*kind) {
    case Kind::hello: {
      const Hello hello{r.u64()};
      return r.finished() ? std::optional<ToLedger>(hello) : std::nullopt;
    }
    case Kind::append:
      return read_append(r);
    case Kind::attest:
      return read_attest(r);
    case Kind::flows:
      return r.finished() ? std::optional<ToLedger>(Flows{}) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<FromLedger> decode_from_ledger(std::string_view message) {
  wire::Reader r(message);
  const auto kind = read_header(r);
  if (!kind) return std::nullopt;
  switch (*kind) {
    case Kind::welcome:
      return read_welcome(r);
    case Kind::appended: {
      const Appended appended{r.u64(), r.u64()};
      return r.finished() ? std::optional<FromLedger>(appended) : std::nullopt;
    }
    case Kind::not_appended:
      return read_not_appended(r);
    case Kind::attested: {
      Attested attested;
      attested.envelope = r.string(max_ledger_message);
      attested.why = r.string(max_evidence_text);
      return r.finished() ? std::optional<FromLedger>(attested) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace cordon
