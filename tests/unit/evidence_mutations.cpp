// Promise (issue 6): whoever changes, deletes, reorders, cuts off or rolls back evidence is found out, and where.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "sandbox/kernel/file.hpp"
#include "supervisor/evidence/segment.hpp"
#include "supervisor/evidence/verify.hpp"
#include "tests/unit/evidence_bench.hpp"

namespace cordon {
namespace {

namespace fs = std::filesystem;
using namespace test;

constexpr int mutations_of_each_kind = 200;  // of five
constexpr unsigned jobs = 60;

struct Mutant {
  std::mt19937& random;
  std::string directory;

  std::uint64_t below(std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random); }

  std::vector<std::string> files() const {
    std::vector<std::string> names{"checkpoint", "key.pub"};
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (parse_segment_name(entry.path().filename().string())) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string some_segment() {
    auto names = files();
    std::erase_if(names, [](const auto& name) { return !parse_segment_name(name); });
    return names[below(names.size())];
  }
  std::string read(const std::string& name) const { return read_file(directory + "/" + name); }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(directory + "/" + name, std::ios::trunc | std::ios::binary) << bytes;
  }
  // Lines of a file, with their ends.
  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      out.push_back(text.substr(at, end + 1 - at));
      at = end + 1;
    }
    return out;
  }
  void write_lines(const std::string& name, const std::vector<std::string>& all) const {
    std::string text;
    for (const auto& line : all) text += line;
    write(name, text);
  }

  // One bit, anywhere.
  std::string flip() {
    const auto names = files();
    const auto name = names[below(names.size())];
    auto bytes = read(name);
    const auto at = below(bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
    write(name, bytes);
    return name + " byte " + std::to_string(at);
  }
  // A line, or a file.
  std::string remove() {
    if (below(4) == 0) {
      const auto names = files();
      const auto name = names[below(names.size())];
      fs::remove(directory + "/" + name);
      return "file " + name;
    }
    const auto name = some_segment();
    auto all = lines(read(name));
    const auto at = below(all.size());
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
    write_lines(name, all);
    return name + " line " + std::to_string(at);
  }
  // Two lines change places, of one file or of two.
  std::string reorder() {
    std::string one, other;
    std::vector<std::string> first, second;
    std::uint64_t a = 0, b = 0;
    while (one == other && a == b) {
      one = some_segment(), other = some_segment();
      first = lines(read(one)), second = lines(read(other));
      a = 1 + below(first.size() - 1), b = 1 + below(second.size() - 1);
    }
    if (one == other) {
      std::swap(first.at(a), first.at(b));
      write_lines(one, first);
    } else {
      std::swap(first.at(a), second.at(b));
      write_lines(one, first);
      write_lines(other, second);
    }
    return one + " line " + std::to_string(a) + " and " + other + " line " + std::to_string(b);
  }
  // The end of a file, at a line's end or within one.
  std::string cut() {
    const auto name = some_segment();
    const auto bytes = read(name);
    auto keep = below(bytes.size() - 1);
    if (below(2) == 0) keep = bytes.rfind('\n', keep) == std::string::npos ? 0 : bytes.rfind('\n', keep) + 1;
    write(name, bytes.substr(0, keep));
    return name + " to " + std::to_string(keep);
  }
};

Verified verify(const std::string& directory, const std::string& outside) {
  VerifyWish wish;
  wish.directory = directory;
  if (!outside.empty()) wish.checkpoints.push_back(outside);
  return verify_evidence(wish);
}

template <typename Mutate>
void expect_all_found(unsigned seed, Mutate mutate) {
  std::mt19937 random(seed);
  const Scratch original;
  make_log(original.path, jobs);
  REQUIRE(verify(original.path, "").faults.empty());
  int found = 0;
  for (int i = 0; i < mutations_of_each_kind; ++i) {
    const Scratch copy;
    fs::copy(original.path, copy.path, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    Mutant mutant{random, copy.path};
    const auto what = mutate(mutant);
    const auto verified = verify(copy.path, "");
    INFO(what);
    CHECK_FALSE(verified.faults.empty());
    if (verified.faults.empty()) continue;
    CHECK_FALSE(verified.faults.front().file.empty());
    ++found;
  }
  CHECK(found == mutations_of_each_kind);
}

}  // namespace

TEST_CASE("two hundred flipped bits are found, wherever they are", "[governed:evidence]") {
  expect_all_found(1, [](Mutant& m) { return m.flip(); });
}

TEST_CASE("two hundred deleted lines and files are found", "[governed:evidence]") {
  expect_all_found(2, [](Mutant& m) { return m.remove(); });
}

TEST_CASE("two hundred pairs of entries that changed places are found", "[governed:evidence]") {
  expect_all_found(3, [](Mutant& m) { return m.reorder(); });
}

TEST_CASE("two hundred files that were cut off are found", "[governed:evidence]") {
  expect_all_found(4, [](Mutant& m) { return m.cut(); });
}

TEST_CASE("two hundred logs that were rolled back are found against a checkpoint kept outside, and only so",
          "[governed:evidence]") {
  std::mt19937 random(5);
  const Scratch original;
  ledger::StoreLimits limits;
  limits.segment_bytes = 8192;
  std::vector<std::string> outside;
  std::vector<std::unique_ptr<Scratch>> copies;  // of the log as it was then
  {
    ledger::Store store(original.path, "cordon/test", limits);
    for (unsigned i = 0; i < 21; ++i) {
      fill(store, 5 * i, 5);
      sign(store, original.path);
      copies.push_back(std::make_unique<Scratch>());
      fs::copy(original.path, copies.back()->path, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
      outside.push_back(read_file(original.path + "/checkpoint"));
    }
  }
  int found = 0;
  for (int i = 0; i < mutations_of_each_kind; ++i) {
    const auto now = std::uniform_int_distribution<std::size_t>(1, copies.size() - 1)(random);
    const auto before = std::uniform_int_distribution<std::size_t>(0, now - 1)(random);
    const auto rolled_back = verify(copies[before]->path, outside[now]);
    found += rolled_back.faults.empty() ? 0 : 1;
    CHECK(verify(copies[before]->path, "").faults.empty());            // on its own it is whole
    CHECK(verify(copies[now]->path, outside[before]).faults.empty());  // and a log that grew is no fault
  }
  CHECK(found == mutations_of_each_kind);
}

TEST_CASE("a log that was written anew with the ledger's own key is found against a checkpoint kept outside",
          "[governed:evidence]") {
  const Scratch original, forged;
  make_log(original.path, 20);
  fs::copy_file(original.path + "/key", forged.path + "/key");
  {
    ledger::Store store(forged.path, "cordon/test", {});
    auto lie = story(3, 1);
    store.append(lie);
    fill(store, 4, 30);
    sign(store, forged.path);
  }
  CHECK(verify(forged.path, "").faults.empty());
  const auto against = verify(forged.path, read_file(original.path + "/checkpoint"));
  REQUIRE(against.faults.size() == 1);
  CHECK(against.faults.front().what.find("rewritten") != std::string::npos);
}

TEST_CASE("a fault is told with its file, its entry and its byte") {
  const Scratch scratch;
  make_log(scratch.path, 10, 1 << 20);
  const auto name = segment_name(0);
  auto bytes = read_file(scratch.path + "/" + name);
  const auto at = bytes.find("000000000005");  // the job of entries 20 to 23
  bytes[at] = '9';
  std::ofstream(scratch.path + "/" + name, std::ios::trunc) << bytes;
  const auto fault = verify(scratch.path, "").faults.front();
  CHECK(fault.file == name);
  CHECK(fault.entry == 20);
  CHECK(fault.offset == bytes.rfind('\n', at) + 1);
}

}  // namespace cordon
