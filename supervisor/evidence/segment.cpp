#include "supervisor/evidence/segment.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace cordon {
namespace {

constexpr std::string_view suffix = ".evidence", mark = "cordon-evidence 1 ";
constexpr std::size_t length_digits = 8, digest_digits = 64, name_digits = 20;
constexpr std::size_t lead = length_digits + 1 + digest_digits + 1;  // before the entry

// Exactly so many decimal digits.
std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string head_text(const merkle::Frontier& before) {
  std::string text = fmt::format("{}{} ", mark, before.size());
  for (const auto& subtree : before.subtrees()) text += hex(subtree) + ",";
  if (text.back() == ',') text.pop_back();
  return text;
}

std::optional<std::vector<Sha256>> parse_subtrees(std::string_view text) {
  std::vector<Sha256> out;
  while (!text.empty()) {
    const auto one = parse_hex(text.substr(0, text.find(',')));
    if (!one) return std::nullopt;
    out.push_back(*one);
    text.remove_prefix(std::min(text.size(), digest_digits + 1));
  }
  return out;
}

std::optional<merkle::Frontier> parse_head(std::string_view line) {
  const auto last = line.rfind(' ');
  if (!line.starts_with(mark) || last == std::string_view::npos) return std::nullopt;
  const auto text = line.substr(0, last);
  if (line.substr(last + 1) != hex(sha256(text))) return std::nullopt;
  const auto rest = text.substr(mark.size());
  const auto first = digits(rest.substr(0, rest.find(' ')));
  const auto subtrees = parse_subtrees(rest.substr(std::min(rest.size(), rest.find(' ') + 1)));
  if (!first || !subtrees) return std::nullopt;
  return merkle::Frontier::of(*first, *subtrees);
}

struct Framed {
  std::optional<Entry> entry;
  std::string wrong;
  bool unfinished = false;
};

Framed read_frame(std::string_view bytes, std::size_t offset) {
  const auto rest = bytes.substr(offset);
  const bool last = rest.find('\n') == std::string_view::npos;
  if (rest.size() < lead) return {std::nullopt, "the file ends within a frame", last};
  const auto length = digits(rest.substr(0, length_digits));
  if (!length || rest[length_digits] != ' ' || rest[lead - 1] != ' ') return {std::nullopt, "this is no frame", last};
  if (rest.size() < lead + *length + 1) return {std::nullopt, "the file ends within an entry", last};
  if (rest[lead + *length] != '\n') return {std::nullopt, "the entry has not the length that its frame says", last};
  const auto text = rest.substr(lead, *length);
  const auto leaf = merkle::leaf_hash(text);
  if (hex(leaf) != rest.substr(length_digits + 1, digest_digits))
    return {std::nullopt, "the entry is not the one that its frame has the digest of", false};
  return {Entry{offset, leaf, text}, "", false};
}

}  // namespace

std::string segment_name(std::uint64_t first) {
  return fmt::format("{:020}{}", first, suffix);
}

std::optional<std::uint64_t> parse_segment_name(std::string_view name) {
  if (name.size() != name_digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  return digits(name.substr(0, name_digits));
}

std::string segment_head(const merkle::Frontier& before) {
  const auto text = head_text(before);
  return text + " " + hex(sha256(text)) + "\n";
}

std::string frame(std::string_view entry, const Sha256& leaf) {
  return fmt::format("{:08} {} {}\n", entry.size(), hex(leaf), entry);
}

tl::expected<Segment, SegmentFault> read_segment(std::string_view bytes) {
  const auto end = bytes.find('\n');
  const auto before = end == std::string_view::npos ? std::nullopt : parse_head(bytes.substr(0, end));
  if (!before) return tl::unexpected(SegmentFault{0, 0, "the head of the file is not as it was written", false});
  Segment segment{*before, {}, std::nullopt};
  for (std::size_t offset = end + 1; offset < bytes.size();) {
    auto read = read_frame(bytes, offset);
    if (!read.entry) {
      segment.fault = SegmentFault{offset, before->size() + segment.entries.size(), read.wrong, read.unfinished};
      break;
    }
    offset += lead + read.entry->text.size() + 1;
    segment.entries.push_back(*read.entry);
  }
  return segment;
}

// Walks the members of the outermost object; what stands in inner ones has other names.
std::string_view raw_member(std::string_view entry, std::string_view name) {
  const auto end_of_string = [&](std::size_t at) {
    while (at < entry.size() && entry[at] != '"') at += entry[at] == '\\' ? 2 : 1;
    return std::min(at, entry.size());
  };
  const auto key = fmt::format("\"{}\":\"", name);
  int depth = 0;
  for (std::size_t at = 0; at < entry.size(); ++at) {
    const char c = entry[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c != '"') continue;
    const bool found =
        depth == 1 && (entry[at - 1] == '{' || entry[at - 1] == ',') && entry.substr(at).starts_with(key);
    if (found) return entry.substr(at + key.size(), end_of_string(at + key.size()) - at - key.size());
    at = end_of_string(at + 1);
  }
  return {};
}

}  // namespace cordon
