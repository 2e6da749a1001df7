// How evidence lies in a file: a head, and then one frame for each entry. Text, so that people can read it. Pure.
//
//   cordon-evidence 1 FIRST SUBTREE,SUBTREE… DIGEST     the index of the first entry; the frontier of the tree before
//   it;
//                                                       SHA-256 of what stands before it on this line
//   LENGTH LEAF ENTRY                                   8 digits; the entry's leaf hash (RFC 6962); its line of JSON
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "supervisor/evidence/merkle.hpp"

namespace cordon {

std::string segment_name(std::uint64_t first);                           // "00000000000000000000.evidence"
std::optional<std::uint64_t> parse_segment_name(std::string_view name);  // nullopt: no segment's

std::string segment_head(const merkle::Frontier& before);
std::string frame(std::string_view entry, const Sha256& leaf);

// Where in a file something is not as it was written, and what.
struct SegmentFault {
  std::size_t offset = 0;
  std::uint64_t index = 0;  // of the entry; of the first one for the head
  std::string what;
  bool unfinished = false;  // the file ends within this frame: what a killed writer leaves
};

struct Entry {
  std::size_t offset = 0;
  Sha256 leaf{};
  std::string_view text;  // of the file's bytes
};

struct Segment {
  merkle::Frontier before;
  std::vector<Entry> entries;
  std::optional<SegmentFault> fault;  // behind the entries that are good
};

// As far as it is good. `bytes` outlive it. Unexpected: the head is bad.
tl::expected<Segment, SegmentFault> read_segment(std::string_view bytes);

// The text of a member of an entry: {"job":"…"}; "" when it has none. Entries are as evidence_line writes them.
std::string_view raw_member(std::string_view entry, std::string_view name);

}  // namespace cordon
