// The tree of RFC 6962: roots and proofs against the known ones, and against whatever was changed in them.
#include <catch2/catch.hpp>

#include "supervisor/evidence/merkle.hpp"

namespace cordon {
namespace {

using namespace merkle;

// The tree that certificate-transparency-go and others test with (testdata of RFC 6962's reference implementation).
const std::vector<std::string> known_entries{std::string(),
                                             std::string(1, '\x00'),
                                             "\x10",
                                             "\x20\x21",
                                             "\x30\x31",
                                             "\x40\x41\x42\x43",
                                             "\x50\x51\x52\x53\x54\x55\x56\x57",
                                             "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
const std::vector<std::string> known_roots{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                           "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                           "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                           "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                           "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                           "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                           "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                           "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                           "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

std::vector<Sha256> leaves(std::size_t count) {
  std::vector<Sha256> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(leaf_hash("entry " + std::to_string(i)));
  return out;
}

constexpr std::size_t largest = 40;

}  // namespace

TEST_CASE("the roots of the tree that everybody tests RFC 6962 with are the known ones") {
  std::vector<Sha256> hashes;
  for (const auto& entry : known_entries) hashes.push_back(leaf_hash(entry));
  const Tree tree({}, hashes);
  Frontier frontier;
  for (std::size_t size = 0; size < known_roots.size(); ++size) {
    CHECK(hex(*tree.root(size)) == known_roots[size]);
    CHECK(hex(frontier.root()) == known_roots[size]);
    if (size < hashes.size()) frontier.append(hashes[size]);
  }
}

TEST_CASE("every inclusion proof holds for its entry, place, size and root, and for no other") {
  const auto all = leaves(largest);
  const Tree tree({}, all);
  for (std::size_t size = 1; size <= largest; ++size) {
    const auto root = *tree.root(size);
    for (std::size_t index = 0; index < size; ++index) {
      auto proof = *tree.inclusion(index, size);
      REQUIRE(verify_inclusion(all[index], index, size, proof, root));
      CHECK_FALSE(verify_inclusion(all[(index + 1) % largest], index, size, proof, root));
      CHECK_FALSE(verify_inclusion(all[index], index, size, proof, leaf_hash("another root")));
      if (size > 1) CHECK_FALSE(verify_inclusion(all[index], (index + 1) % size, size, proof, root));
      if (proof.empty()) continue;
      proof.back()[0] ^= 1;
      CHECK_FALSE(verify_inclusion(all[index], index, size, proof, root));
      proof.pop_back();
      CHECK_FALSE(verify_inclusion(all[index], index, size, proof, root));
    }
    CHECK_FALSE(tree.inclusion(size, size));
  }
}

TEST_CASE("every consistency proof holds for its two trees, and for no others") {
  const Tree tree({}, leaves(largest));
  for (std::size_t size = 1; size <= largest; ++size) {
    for (std::size_t from = 1; from <= size; ++from) {
      auto proof = *tree.consistency(from, size);
      const auto before = *tree.root(from), after = *tree.root(size);
      REQUIRE(verify_consistency(from, size, proof, before, after));
      CHECK_FALSE(verify_consistency(from, size, proof, leaf_hash("another root"), after));
      CHECK_FALSE(verify_consistency(from, size, proof, before, leaf_hash("another root")));
      if (proof.empty()) continue;
      proof.front()[31] ^= 0x80;
      CHECK_FALSE(verify_consistency(from, size, proof, before, after));
      proof.erase(proof.begin());
      CHECK_FALSE(verify_consistency(from, size, proof, before, after));
    }
  }
  CHECK_FALSE(tree.consistency(largest + 1, largest + 1));
}

TEST_CASE("a tree whose first entries are gone has the same roots and proofs for what is left") {
  const auto all = leaves(largest);
  const Tree whole({}, all);
  for (std::size_t gone = 0; gone <= largest; ++gone) {
    Frontier frontier;
    for (std::size_t i = 0; i < gone; ++i) frontier.append(all[i]);
    const Tree rest(frontier, {all.begin() + static_cast<std::ptrdiff_t>(gone), all.end()});
    for (std::size_t size = std::max<std::size_t>(gone, 1); size <= largest; ++size) {
      REQUIRE(rest.root(size) == whole.root(size));
      for (std::size_t index = gone; index < size; ++index)
        CHECK(rest.inclusion(index, size) == whole.inclusion(index, size));
      CHECK(rest.consistency(std::max<std::size_t>(gone, 1), size) ==
            whole.consistency(std::max<std::size_t>(gone, 1), size));
    }
    if (gone > 0) CHECK_FALSE(rest.inclusion(gone - 1, largest));
  }
}

TEST_CASE("a frontier has as many subtrees as its size has ones") {
  CHECK(Frontier::of(5, leaves(2)));
  CHECK_FALSE(Frontier::of(5, leaves(3)));
  CHECK_FALSE(Frontier::of(0, leaves(1)));
}

}  // namespace cordon
