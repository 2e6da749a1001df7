#include "supervisor/evidence/merkle.hpp"

#include <sodium/crypto_hash_sha256.h>

#include <bit>

namespace cordon::merkle {
namespace {

// The largest power of two below n, for n > 1.
std::uint64_t split(std::uint64_t n) {
  return std::bit_floor(n - 1);
}

}  // namespace

Sha256 leaf_hash(std::string_view entry) {
  constexpr unsigned char prefix = 0x00;
  Sha256 out;
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, &prefix, 1);
  crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(entry.data()), entry.size());
  crypto_hash_sha256_final(&state, out.data());
  return out;
}

Sha256 node_hash(const Sha256& left, const Sha256& right) {
  constexpr unsigned char prefix = 0x01;
  Sha256 out;
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, &prefix, 1);
  crypto_hash_sha256_update(&state, left.data(), left.size());
  crypto_hash_sha256_update(&state, right.data(), right.size());
  crypto_hash_sha256_final(&state, out.data());
  return out;
}

std::optional<Frontier> Frontier::of(std::uint64_t size, std::vector<Sha256> subtrees) {
  if (static_cast<std::size_t>(std::popcount(size)) != subtrees.size()) return std::nullopt;
  Frontier frontier;
  frontier.size_ = size;
  frontier.subtrees_ = std::move(subtrees);
  return frontier;
}

void Frontier::append(const Sha256& leaf) {
  auto hash = leaf;
  for (auto rest = size_; (rest & 1) != 0; rest >>= 1) {
    hash = node_hash(subtrees_.back(), hash);
    subtrees_.pop_back();
  }
  subtrees_.push_back(hash);
  ++size_;
}

Sha256 Frontier::root() const {
  if (subtrees_.empty()) return sha256("");
  auto hash = subtrees_.back();
  for (auto left = subtrees_.rbegin() + 1; left != subtrees_.rend(); ++left) hash = node_hash(*left, hash);
  return hash;
}

Tree::Tree(Frontier gone, std::vector<Sha256> leaves) : gone_(std::move(gone)), leaves_(std::move(leaves)) {}

// MTH(D[begin:end]).
std::optional<Sha256> Tree::hash(std::uint64_t begin, std::uint64_t end) const {
  if (begin == end) return sha256("");
  if (end <= first()) {  // only whole subtrees of the frontier are known
    std::uint64_t at = 0;
    for (const auto& subtree : gone_.subtrees()) {
      const auto width = std::bit_floor(gone_.size() - at);
      if (at == begin && at + width == end) return subtree;
      at += width;
    }
    if (std::has_single_bit(end - begin)) return std::nullopt;  // gone: a part of a perfect subtree
  } else if (end - begin == 1) {
    return leaf(begin);
  }
  const auto middle = begin + split(end - begin);
  const auto left = hash(begin, middle);
  const auto right = left ? hash(middle, end) : std::nullopt;
  if (!right) return std::nullopt;
  return node_hash(*left, *right);
}

std::optional<Sha256> Tree::root(std::uint64_t size_of) const {
  if (size_of > size()) return std::nullopt;
  return hash(0, size_of);
}

// PATH(index, D[begin:end]).
bool Tree::path(std::uint64_t index, std::uint64_t begin, std::uint64_t end, Proof& into) const {
  if (end - begin == 1) return true;
  const auto middle = begin + split(end - begin);
  const bool left = index < middle;
  if (!(left ? path(index, begin, middle, into) : path(index, middle, end, into))) return false;
  const auto sibling = left ? hash(middle, end) : hash(begin, middle);
  if (sibling) into.push_back(*sibling);
  return sibling.has_value();
}

std::optional<Proof> Tree::inclusion(std::uint64_t index, std::uint64_t size_of) const {
  if (index < first() || index >= size_of || size_of > size()) return std::nullopt;
  Proof proof;
  if (!path(index, 0, size_of, proof)) return std::nullopt;
  return proof;
}

// SUBPROOF(from, D[begin:end], complete), where `from` counts from `begin`.
bool Tree::subproof(std::uint64_t from, std::uint64_t begin, std::uint64_t end, bool complete, Proof& into) const {
  const auto add = [&](const std::optional<Sha256>& part) {
    if (part) into.push_back(*part);
    return part.has_value();
  };
  if (from == end - begin) return complete || add(hash(begin, end));
  const auto width = split(end - begin);
  const auto middle = begin + width;
  if (from <= width) return subproof(from, begin, middle, complete, into) && add(hash(middle, end));
  return subproof(from - width, middle, end, false, into) && add(hash(begin, middle));
}

std::optional<Proof> Tree::consistency(std::uint64_t from, std::uint64_t size_of) const {
  if (from > size_of || size_of > size()) return std::nullopt;
  Proof proof;
  if (from == 0 || from == size_of) return proof;
  if (!subproof(from, 0, size_of, true, proof)) return std::nullopt;
  return proof;
}

bool verify_inclusion(const Sha256& leaf, std::uint64_t index, std::uint64_t size, const Proof& proof,
                      const Sha256& root) {
  if (index >= size) return false;
  auto node = index, last = size - 1;
  auto hash = leaf;
  for (const auto& sibling : proof) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      hash = node_hash(sibling, hash);
      while ((node & 1) == 0 && node != 0) node >>= 1, last >>= 1;
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

bool verify_consistency(std::uint64_t from, std::uint64_t size, const Proof& proof, const Sha256& root_from,
                        const Sha256& root) {
  if (from > size) return false;
  if (from == size) return proof.empty() && root_from == root;
  if (from == 0) return proof.empty();
  auto rest = proof;
  if (std::has_single_bit(from)) rest.insert(rest.begin(), root_from);
  if (rest.empty()) return false;
  auto node = from - 1, last = size - 1;
  while ((node & 1) != 0) node >>= 1, last >>= 1;
  auto old_hash = rest.front(), new_hash = rest.front();
  for (auto part = rest.begin() + 1; part != rest.end(); ++part) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      old_hash = node_hash(*part, old_hash);
      new_hash = node_hash(*part, new_hash);
      while ((node & 1) == 0 && node != 0) node >>= 1, last >>= 1;
    } else {
      new_hash = node_hash(new_hash, *part);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == root_from && new_hash == root;
}

}  // namespace cordon::merkle
