// The ledger's files: what is appended stays, whatever ends the ledger; what is too old goes, unless it is held.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "supervisor/evidence/segment.hpp"
#include "supervisor/evidence/verify.hpp"
#include "supervisor/ledger/attest.hpp"
#include "tests/unit/evidence_bench.hpp"

namespace cordon {
namespace {

namespace fs = std::filesystem;
using namespace test;

Verified verify(const std::string& directory) {
  VerifyWish wish;
  wish.directory = directory;
  return verify_evidence(wish);
}

std::string last_segment(const std::string& directory) {
  std::string last;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (parse_segment_name(entry.path().filename().string())) last = std::max(last, entry.path().string());
  }
  return last;
}

ledger::StoreLimits small_files() {
  ledger::StoreLimits limits;
  limits.segment_bytes = 8192;
  return limits;
}

ledger::StoreLimits few_files() {
  auto limits = small_files();
  limits.retain_bytes = 32768;
  limits.keep_at_least = std::chrono::seconds(0);
  return limits;
}

// As a server does: sign, then let retention have its turn.
std::string fill_and_retain(ledger::Store& store, const std::string& directory, unsigned jobs) {
  std::string held;
  for (unsigned i = 0; i < jobs; ++i) {
    store.append(story(1000 + i));
    if (i % 5 != 0) continue;
    sign(store, directory);
    held = store.retain();
  }
  sign(store, directory);
  return held;
}

}  // namespace

TEST_CASE("a log of many files is whole, and its jobs agree") {
  const Scratch scratch;
  make_log(scratch.path, 100);
  const auto verified = verify(scratch.path);
  CHECK(verified.faults.empty());
  CHECK(verified.jobs.contradictions.empty());
  CHECK(verified.log.size() == 400);
  CHECK(verified.signed_entries == 400);
  CHECK(verified.jobs.outcomes == 100);
  CHECK(fs::status(scratch.path + "/key").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a log goes on where it ended, and knows what each cordond said last") {
  const Scratch scratch;
  make_log(scratch.path, 10);
  {
    ledger::Store store(scratch.path, "another name", small_files());
    CHECK(store.found().size == 40);
    CHECK(store.found().unsigned_tail == 0);
    CHECK(store.last_number(10) == 20);
    CHECK(store.last_number(11) == 0);
    CHECK(store.signer().verifier().name == "cordon/test");
    fill(store, 10, 10);
    sign(store, scratch.path);
  }
  const auto verified = verify(scratch.path);
  CHECK(verified.faults.empty());
  CHECK(verified.log.size() == 80);
}

TEST_CASE("one ledger at a time has a directory") {
  const Scratch scratch;
  ledger::Store store(scratch.path, "cordon/test", {});
  CHECK_THROWS_AS(ledger::Store(scratch.path, "cordon/test", {}), KernelError);
}

TEST_CASE("a frame that was being written when the ledger was killed is cut at every byte, and nothing before it") {
  const Scratch scratch;
  make_log(scratch.path, 3, 1 << 20);
  const auto file = last_segment(scratch.path);
  const auto whole = read_file(file);
  const auto entry = evidence_line(story(99).front(), {12, "2026-11-29T06:00:00.000Z"});
  const auto torn = frame(entry, merkle::leaf_hash(entry));
  for (std::size_t cut = 1; cut < torn.size(); cut += 7) {
    std::ofstream(file, std::ios::trunc) << whole << torn.substr(0, cut);
    ledger::Store store(scratch.path, "cordon/test", {});
    CHECK(store.found().size == 12);
    CHECK(store.found().torn_bytes == cut);
    CHECK(read_file(file) == whole);
  }
  CHECK(verify(scratch.path).faults.empty());
}

TEST_CASE("what a power failure leaves behind the checkpoint is cut: what the checkpoint vouches for is not given up") {
  const Scratch scratch;
  make_log(scratch.path, 3, 1 << 20);
  const auto file = last_segment(scratch.path);
  const auto whole = read_file(file);
  std::ofstream(file, std::ios::trunc) << whole << std::string(5000, '\0');
  CHECK(ledger::Store(scratch.path, "cordon/test", {}).found().torn_bytes == 5000);
  CHECK(fs::exists(scratch.path + "/torn-12"));
  std::ofstream(file, std::ios::trunc) << whole.substr(0, whole.size() - 100);
  CHECK_THROWS_AS(ledger::Store(scratch.path, "cordon/test", {}), KernelError);
  auto damaged = whole;
  damaged[whole.size() / 2] ^= 1;
  std::ofstream(file, std::ios::trunc) << damaged;
  CHECK_THROWS_AS(ledger::Store(scratch.path, "cordon/test", {}), KernelError);
  fs::remove(scratch.path + "/checkpoint");
  std::ofstream(file, std::ios::trunc) << whole;
  CHECK_THROWS_AS(ledger::Store(scratch.path, "cordon/test", {}), KernelError);
}

TEST_CASE("retention deletes the oldest files and says so, and what is left verifies") {
  const Scratch scratch;
  {
    ledger::Store store(scratch.path, "cordon/test", few_files());
    CHECK(fill_and_retain(store, scratch.path, 200).empty());
  }
  const auto verified = verify(scratch.path);
  INFO((verified.faults.empty() ? "" : to_string(verified.faults.front())));
  CHECK(verified.faults.empty());
  CHECK(verified.jobs.contradictions.empty());
  CHECK(verified.log.gone.size() > 0);
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(scratch.path)) bytes += entry.file_size();
  CHECK(bytes < 65536);
  CHECK(ledger::Store(scratch.path, "cordon/test", few_files()).tree().size() == verified.log.size());
}

TEST_CASE("the oldest file cannot be deleted by anybody else unnoticed", "[governed:evidence]") {
  const Scratch scratch;
  make_log(scratch.path, 100);
  fs::remove(scratch.path + "/" + segment_name(0));
  const auto verified = verify(scratch.path);
  REQUIRE(verified.faults.size() == 1);
  CHECK(verified.faults.front().what.find("has not said that it deletes them") != std::string::npos);
}

TEST_CASE("a hold keeps what it is on from retention, over a restart too, until it is released") {
  const Scratch scratch;
  const auto job = std::get<std::string>(story(7).front().fields.at("job"));
  {
    ledger::Store store(scratch.path, "cordon/test", few_files());
    store.append(story(7));
    store.append({EvidenceRecord{EvidenceKind::hold, {}}.put("scope", "job/" + job)});
  }
  {
    auto limits = few_files();
    limits.retain_bytes = 65536;
    ledger::Store store(scratch.path, "cordon/test", limits);
    CHECK(store.holds() == std::vector<std::string>{"job/" + job});
    CHECK(fill_and_retain(store, scratch.path, 80) == segment_name(0));
    CHECK(verify(scratch.path).log.gone.size() == 0);
    store.append({EvidenceRecord{EvidenceKind::release_hold, {}}.put("scope", "job/" + job)});
    CHECK(fill_and_retain(store, scratch.path, 80).empty());
  }
  CHECK(verify(scratch.path).log.gone.size() > 0);
  CHECK(verify(scratch.path).faults.empty());
}

TEST_CASE("what is new is not deleted to make room for what is newer: then nothing more is taken",
          "[governed:evidence]") {
  const Scratch scratch;
  auto limits = few_files();
  limits.keep_at_least = std::chrono::hours(1);
  ledger::Store store(scratch.path, "cordon/test", limits);
  CHECK_THROWS_AS(fill_and_retain(store, scratch.path, 200), KernelError);
  CHECK(verify(scratch.path).log.gone.size() == 0);
}

TEST_CASE("a disk without room refuses what it cannot take whole, and takes it when there is some") {
  const Scratch scratch;
  ledger::Store store(scratch.path, "cordon/test", {});
  fill(store, 0, 2);
  const auto before = read_file(last_segment(scratch.path));
  {
    rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{before.size() + 100, old.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK_THROWS_AS(store.append(story(3)), KernelError);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
  }
  CHECK(read_file(last_segment(scratch.path)) == before);
  store.append(story(3));
  sign(store, scratch.path);
  CHECK(verify(scratch.path).faults.empty());
  CHECK(verify(scratch.path).log.size() == 12);
}

TEST_CASE("the ledger signs a statement of a job's own entries only") {
  const Scratch scratch;
  ledger::Store store(scratch.path, "cordon/test", {});
  fill(store, 0, 2);
  const auto job = std::get<std::string>(story(1).front().fields.at("job"));
  CHECK_FALSE(ledger::attested(store, {job, {4, 7}}).envelope.empty());
  CHECK(ledger::attested(store, {job, {3, 7}}).envelope.empty());
  CHECK(ledger::attested(store, {job, {99}}).envelope.empty());
  CHECK(ledger::attested(store, {job, {}}).envelope.empty());
}

}  // namespace cordon
