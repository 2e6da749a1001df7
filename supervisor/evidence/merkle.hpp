// The Merkle tree of a transparency log. Pure. Source: RFC 6962, section 2.1 (hashing, audit paths, consistency);
// RFC 9162, section 2.1.3.2 and 2.1.4.2 (how a proof is verified).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "profiles/sha256.hpp"

namespace cordon::merkle {

Sha256 leaf_hash(std::string_view entry);
Sha256 node_hash(const Sha256& left, const Sha256& right);

// All that is needed of a tree to append to it and to know its root: the perfect subtrees it is made of, largest first.
class Frontier {
 public:
  Frontier() = default;
  // nullopt: a tree of this size has another number of them.
  static std::optional<Frontier> of(std::uint64_t size, std::vector<Sha256> subtrees);

  void append(const Sha256& leaf);
  std::uint64_t size() const { return size_; }
  const std::vector<Sha256>& subtrees() const { return subtrees_; }
  Sha256 root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Sha256> subtrees_;
};

using Proof = std::vector<Sha256>;

// A tree whose first leaves may be gone, but for their frontier: retention takes the oldest. Indices count from the
// first leaf that ever was.
class Tree {
 public:
  Tree(Frontier gone, std::vector<Sha256> leaves);

  std::uint64_t first() const { return gone_.size(); }
  std::uint64_t size() const { return gone_.size() + leaves_.size(); }
  const Sha256& leaf(std::uint64_t index) const { return leaves_.at(index - first()); }

  // nullopt: what it would take is gone, or there is no such leaf or size.
  std::optional<Sha256> root(std::uint64_t size) const;
  std::optional<Proof> inclusion(std::uint64_t index, std::uint64_t size) const;
  std::optional<Proof> consistency(std::uint64_t from, std::uint64_t size) const;

 private:
  std::optional<Sha256> hash(std::uint64_t begin, std::uint64_t end) const;
  bool path(std::uint64_t index, std::uint64_t begin, std::uint64_t end, Proof& into) const;
  bool subproof(std::uint64_t from, std::uint64_t begin, std::uint64_t end, bool complete, Proof& into) const;

  Frontier gone_;
  std::vector<Sha256> leaves_;
};

bool verify_inclusion(const Sha256& leaf, std::uint64_t index, std::uint64_t size, const Proof& proof,
                      const Sha256& root);
bool verify_consistency(std::uint64_t from, std::uint64_t size, const Proof& proof, const Sha256& root_from,
                        const Sha256& root);

}  // namespace cordon::merkle
