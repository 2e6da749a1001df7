#include "supervisor/evidence/record.hpp"

#include <algorithm>
#include <array>

#include "supervisor/text/json_string.hpp"
#include "supervisor/text/utf8.hpp"

namespace cordon {
namespace {

struct Kind {
  std::string_view name;
  EvidenceSource source;
};
constexpr auto by_cordond = EvidenceSource::cordond;
constexpr std::array<Kind, evidence_kinds> kinds{{{"decision", by_cordond},
                                                  {"outcome", by_cordond},
                                                  {"refusal", by_cordond},
                                                  {"serving", by_cordond},
                                                  {"kill", by_cordond},
                                                  {"release", by_cordond},
                                                  {"trip", by_cordond},
                                                  {"reload", by_cordond},
                                                  {"breaker", by_cordond},
                                                  {"tool", by_cordond},
                                                  {"grant", by_cordond},
                                                  {"approval", by_cordond},
                                                  {"context", by_cordond},
                                                  {"incident", by_cordond},
                                                  {"hold", by_cordond},
                                                  {"release_hold", by_cordond},
                                                  {"flow_denied", by_cordond},
                                                  {"flow_closed", by_cordond},
                                                  {"flow", EvidenceSource::egress},
                                                  {"started", EvidenceSource::launcher},
                                                  {"ended", EvidenceSource::launcher},
                                                  {"opened", EvidenceSource::ledger},
                                                  {"retention", EvidenceSource::ledger}}};

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

// The bytes of the character that begins here, as far as they are one.
std::size_t character(std::string_view rest) {
  Utf8Scanner scanner;
  for (std::size_t size = 1; size <= rest.size() && size <= 4; ++size) {
    scanner.feed(rest.substr(size - 1, 1));
    if (!scanner.valid()) return 0;
    if (scanner.open() == 0) return size;
  }
  return 0;
}

std::string as_utf8(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string out;
  while (!bytes.empty()) {
    const auto size = character(bytes);
    out.append(size == 0 ? std::string_view("\xef\xbf\xbd") : bytes.substr(0, size));
    bytes.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, as_utf8(text));
  out += '"';
}

void append_number(std::string& out, std::uint64_t number) {
  out += std::to_string(number);
}

// Two names that differ in what is no UTF-8 only stay two: of two members with one name readers would drop one. And
// what is sorted is what is written.
template <typename Map>
Map with_readable_names(const Map& map) {
  Map out;
  for (const auto& [name, value] : map) {
    auto readable = as_utf8(name);
    while (!out.emplace(readable, value).second) readable += '~';
  }
  return out;
}

template <typename Map, typename Append>
void append_object(std::string& out, const Map& map, Append append) {
  if (!std::all_of(map.begin(), map.end(), [](const auto& member) { return is_utf8(member.first); }))
    return append_object(out, with_readable_names(map), append);
  out += '{';
  for (const auto& [name, value] : map) {
    if (out.back() != '{') out += ',';
    append_text(out, name);
    out += ':';
    append(out, value);
  }
  out += '}';
}

void append_list(std::string& out, const std::vector<std::string>& list) {
  out += '[';
  for (const auto& item : list) {
    if (out.back() != '[') out += ',';
    append_text(out, item);
  }
  out += ']';
}

void append_value(std::string& out, const EvidenceValue& value) {
  std::visit(Overloaded{[&](std::uint64_t number) { append_number(out, number); },
                        [&](const std::string& text) { append_text(out, text); },
                        [&](const std::vector<std::string>& list) { append_list(out, list); },
                        [&](const EvidenceTexts& map) { append_object(out, map, append_text); },
                        [&](const EvidenceNumbers& map) { append_object(out, map, append_number); }},
             value);
}

void cut(std::string& text) {
  if (text.size() <= max_evidence_text) return;
  text.resize(max_evidence_text - 3);
  text += "…";
}

template <typename Map>
std::uint64_t drop_rest(Map& map) {
  std::uint64_t dropped = 0;
  for (; map.size() > max_evidence_items; ++dropped) map.erase(std::prev(map.end()));
  return dropped;
}

std::uint64_t bound_value(EvidenceValue& value) {
  std::uint64_t dropped = 0;
  std::visit(Overloaded{[](std::uint64_t) {}, [](std::string& text) { cut(text); },
                        [&](std::vector<std::string>& list) {
                          if (list.size() > max_evidence_items) {
                            dropped = list.size() - max_evidence_items;
                            list.resize(max_evidence_items);
                          }
                          for (auto& item : list) cut(item);
                        },
                        [&](EvidenceTexts& map) {
                          dropped = drop_rest(map);
                          for (auto& [name, text] : map) cut(text);
                        },
                        [&](EvidenceNumbers& map) { dropped = drop_rest(map); }},
             value);
  return dropped;
}

}  // namespace

std::string_view to_string(EvidenceKind kind) {
  return kinds.at(static_cast<std::size_t>(kind)).name;
}

std::optional<EvidenceKind> parse_evidence_kind(std::uint8_t number) {
  if (number >= evidence_kinds) return std::nullopt;
  return static_cast<EvidenceKind>(number);
}

std::string_view to_string(EvidenceSource source) {
  constexpr std::array<std::string_view, 4> names{"cordond", "egress", "launcher", "ledger"};
  return names.at(static_cast<std::size_t>(source));
}

EvidenceSource source_of(EvidenceKind kind) {
  return kinds.at(static_cast<std::size_t>(kind)).source;
}

bool is_reserved_evidence_field(std::string_view name) {
  constexpr std::array<std::string_view, 6> reserved{"client", "index", "kind", "number", "source", "time"};
  return std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

EvidenceRecord& EvidenceRecord::put(std::string name, EvidenceValue value) {
  fields.insert_or_assign(std::move(name), std::move(value));
  return *this;
}

EvidenceRecord& EvidenceRecord::put_text(std::string name, std::string value) {
  if (!value.empty()) fields.insert_or_assign(std::move(name), std::move(value));
  return *this;
}

std::string evidence_line(const EvidenceRecord& record, const EvidenceStamp& stamp) {
  auto all = record.fields;
  all.insert_or_assign("index", stamp.index);
  all.insert_or_assign("kind", std::string(to_string(record.kind)));
  all.insert_or_assign("source", std::string(to_string(source_of(record.kind))));
  all.insert_or_assign("time", stamp.time);
  std::string out;
  append_object(out, all, append_value);
  return out;
}

void bound(EvidenceRecord& record) {
  std::uint64_t left_out = 0;
  for (auto& [name, value] : record.fields) left_out += bound_value(value);
  // The largest go until the rest fits.
  while (record.fields.size() > 1 && evidence_line(record, {}).size() > max_evidence_entry - 256) {
    const auto size = [](const auto& field) {
      std::string text;
      append_value(text, field.second);
      return text.size();
    };
    const auto largest = std::max_element(record.fields.begin(), record.fields.end(),
                                          [&](const auto& a, const auto& b) { return size(a) < size(b); });
    record.fields.erase(largest);
    ++left_out;
  }
  if (left_out > 0) record.put("left_out", left_out);
}

}  // namespace cordon
