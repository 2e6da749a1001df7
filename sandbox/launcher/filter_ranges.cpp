#include "sandbox/launcher/filter_ranges.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace cordon {
namespace {

using Code = std::vector<sock_filter>;

constexpr std::uint32_t number_at = offsetof(seccomp_data, nr), architecture_at = offsetof(seccomp_data, arch);
constexpr std::uint16_t load_word = BPF_LD | BPF_W | BPF_ABS;
constexpr std::size_t longest_jump = 255;

// The program is of another kind than this knows.
struct Unknown {};

sock_filter jump_if_at_least(std::uint32_t value) {
  return {BPF_JMP | BPF_JGE | BPF_K, 0, 0, value};
}

bool is_jump(const sock_filter& op) {
  return BPF_CLASS(op.code) == BPF_JMP;
}

// How many instructions it passes over when the accumulator is `a`.
std::size_t passed_over(const sock_filter& op, std::uint32_t a) {
  switch (op.code) {
    case BPF_JMP | BPF_JA:
      return op.k;
    case BPF_JMP | BPF_JEQ | BPF_K:
      return a == op.k ? op.jt : op.jf;
    case BPF_JMP | BPF_JGT | BPF_K:
      return a > op.k ? op.jt : op.jf;
    case BPF_JMP | BPF_JGE | BPF_K:
      return a >= op.k ? op.jt : op.jf;
    default:
      throw Unknown{};
  }
}

// Where the program stands once the number has told it all that it can: at an answer, or before the first argument.
std::size_t destination(const Code& code, std::size_t from, std::uint32_t number) {
  for (auto at = from; at < code.size(); ++at) {
    const auto& op = code[at];
    const bool loads_again = op.code == load_word && op.k == number_at;
    if (loads_again) continue;
    if (op.code == load_word || op.code == (BPF_RET | BPF_K)) return at;
    at += passed_over(op, number);
  }
  throw Unknown{};
}

struct Range {
  std::uint32_t first;
  std::size_t destination;
};

// The same answer wherever it stands.
bool are_alike(const Code& code, std::size_t one, std::size_t other) {
  return one == other ||
         (code[one].code == (BPF_RET | BPF_K) && code[other].code == code[one].code && code[one].k == code[other].k);
}

// Nothing changes but at a number that the program compares with, or behind it.
std::vector<Range> ranges_of(const Code& code, std::size_t from) {
  std::set<std::uint32_t> edges{0};
  for (const auto& op : code) {
    if (!is_jump(op) || op.code == (BPF_JMP | BPF_JA)) continue;
    edges.insert(op.k);
    if (op.k != UINT32_MAX) edges.insert(op.k + 1);
  }
  std::vector<Range> ranges;
  for (const auto edge : edges) {
    const auto to = destination(code, from, edge);
    if (ranges.empty() || !are_alike(code, ranges.back().destination, to)) ranges.push_back({edge, to});
  }
  return ranges;
}

class Writer {
 public:
  Writer(const Code& from, std::vector<Range> ranges) : from_(from), ranges_(std::move(ranges)) {}

  // Instruction by instruction: the architecture, a tree of ranges, a stub for each destination, and what looks at
  // arguments, in its old order.
  Code write() {
    out_ = {{load_word, 0, 0, architecture_at}, from_[1], from_[2 + from_[1].jf], {load_word, 0, 0, number_at}};
    out_[1].jt = 1;
    out_[1].jf = 0;
    const auto stubs = out_.size() + ranges_.size() - 1;
    for (const auto& range : ranges_) stub_of(range.destination);
    write_tree(0, ranges_.size(), stubs);
    write_stubs();
    return std::move(out_);
  }

 private:
  std::size_t stub_of(std::size_t destination) {
    for (std::size_t i = 0; i < stubs_.size(); ++i)
      if (are_alike(from_, stubs_[i], destination)) return i;
    stubs_.push_back(destination);
    return stubs_.size() - 1;
  }

  // Jumps of `node` that end at `target`.
  static std::uint8_t distance(std::size_t node, std::size_t target) {
    if (target - node - 1 > longest_jump) throw Unknown{};
    return static_cast<std::uint8_t>(target - node - 1);
  }

  // [first, past): a node for all but one of them, what is smaller right behind it.
  void write_tree(std::size_t first, std::size_t past, std::size_t stubs) {
    if (past - first < 2) return;
    const auto middle = first + (past - first) / 2;
    const auto node = out_.size();
    out_.push_back(jump_if_at_least(ranges_[middle].first));
    write_tree(first, middle, stubs);
    const auto smaller = middle - first == 1 ? stubs + stub_of(ranges_[first].destination) : node + 1;
    const auto larger = past - middle == 1 ? stubs + stub_of(ranges_[middle].destination) : out_.size();
    write_tree(middle, past, stubs);
    out_[node].jf = distance(node, smaller);
    out_[node].jt = distance(node, larger);
  }

  void write_stubs() {
    std::set<std::size_t> reached;
    for (const auto to : stubs_)
      if (from_[to].code == load_word) add_reached(to, reached);
    std::map<std::size_t, std::size_t> place;
    const auto begin = out_.size() + stubs_.size();
    for (const auto at : reached) place.emplace(at, begin + place.size());
    for (const auto to : stubs_) {
      const auto here = out_.size();
      if (from_[to].code == load_word)
        out_.push_back({BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(place.at(to) - here - 1)});
      else
        out_.push_back(from_[to]);
    }
    for (const auto at : reached) out_.push_back(moved(at, place));
  }

  void add_reached(std::size_t at, std::set<std::size_t>& reached) const {
    for (; at < from_.size() && reached.insert(at).second; ++at) {
      const auto& op = from_[at];
      if (BPF_CLASS(op.code) == BPF_RET) return;
      if (!is_jump(op)) continue;
      if (op.code == (BPF_JMP | BPF_JA)) return add_reached(at + 1 + op.k, reached);
      add_reached(at + 1 + op.jt, reached);
      return add_reached(at + 1 + op.jf, reached);
    }
    if (at >= from_.size()) throw Unknown{};
  }

  sock_filter moved(std::size_t at, const std::map<std::size_t, std::size_t>& place) const {
    auto op = from_[at];
    if (!is_jump(op)) return op;
    const auto here = place.at(at);
    const auto to = [&](std::size_t old) { return place.at(at + 1 + old) - here - 1; };
    if (op.code == (BPF_JMP | BPF_JA)) {
      op.k = static_cast<std::uint32_t>(to(op.k));
    } else {
      op.jt = static_cast<std::uint8_t>(to(op.jt));
      op.jf = static_cast<std::uint8_t>(to(op.jf));
    }
    return op;
  }

  const Code& from_;
  std::vector<Range> ranges_;
  std::vector<std::size_t> stubs_;  // each different destination
  Code out_;
};

// Where the number is looked at: behind "load the architecture; is it ours; else this answer".
std::size_t behind_architecture(const Code& code) {
  const bool has_head = code.size() > 3 && code[0].code == load_word && code[0].k == architecture_at &&
                        code[1].code == (BPF_JMP | BPF_JEQ | BPF_K);
  if (!has_head) throw Unknown{};
  const auto foreign = std::size_t{2} + code[1].jf;
  if (foreign >= code.size() || code[foreign].code != (BPF_RET | BPF_K)) throw Unknown{};
  return std::size_t{2} + code[1].jt;
}

std::string bytes_of(const Code& code) {
  return {reinterpret_cast<const char*>(code.data()), code.size() * sizeof(sock_filter)};
}

}  // namespace

std::string by_ranges(std::string_view bpf) {
  Code code(bpf.size() / sizeof(sock_filter));
  std::memcpy(code.data(), bpf.data(), code.size() * sizeof(sock_filter));
  try {
    const auto shorter = Writer(code, ranges_of(code, behind_architecture(code))).write();
    if (shorter.size() < code.size()) return bytes_of(shorter);
  } catch (const Unknown&) {
    // As it is, it is right.
  }
  return std::string(bpf);
}

}  // namespace cordon
