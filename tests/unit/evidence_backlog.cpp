// Promise (docs/evidence.md, "When it cannot be written"): what has happened while the ledger was away is told whatever
// becomes of the cordond that saw it.
#include <catch2/catch.hpp>
#include <filesystem>

#include "supervisor/evidence/evidence.hpp"
#include "tests/unit/evidence_bench.hpp"

using namespace cordon;

namespace {

namespace fs = std::filesystem;

EvidenceRecord outcome(unsigned number) {
  EvidenceRecord record{EvidenceKind::outcome, {}};
  return record.put("job", "job-" + std::to_string(number)).put("code", std::uint64_t{number});
}

std::string job_of(const EvidenceRecord& record) {
  return std::get<std::string>(record.fields.at("job"));
}

}  // namespace

TEST_CASE("what waits for a ledger that is away is said by the next cordond, marked, in its order",
          "[governed:evidence]") {
  const test::Scratch scratch;
  const auto backlog = scratch.path + "/untold";
  asio::io_context io(1);
  for (int cordonds = 0; cordonds < 3; ++cordonds) {  // none of which meets the ledger
    Evidence evidence(io.get_executor(), scratch.path + "/no-ledger", backlog);
    evidence.begin();
    CHECK(evidence.standing().waiting == static_cast<std::size_t>(cordonds) * 10);
    for (unsigned i = 0; i < 10; ++i) {
      const auto number = static_cast<unsigned>(cordonds) * 10 + i;
      const auto receipt = evidence.note(outcome(number));
      CHECK(receipt->state == Evidence::Receipt::State::pending);
      CHECK(evidence.waiting_outcome("job-" + std::to_string(number)) == receipt);
    }
    CHECK(evidence.waiting_outcome("job-0"));
  }
  const auto kept = EvidenceBacklog(backlog).read();
  REQUIRE(kept.size() == 30);
  for (unsigned i = 0; i < kept.size(); ++i) {
    CHECK(job_of(kept[i]) == "job-" + std::to_string(i));
    CHECK(kept[i].fields.contains("noted_at"));
  }
}

TEST_CASE("what a killed cordond was about to add to its backlog is cut off, wherever it was cut") {
  const test::Scratch scratch;
  const auto path = scratch.path + "/untold";
  EvidenceBacklog backlog(path);
  REQUIRE(backlog.add(outcome(1)));
  const auto one = fs::file_size(path);
  REQUIRE(backlog.add(outcome(2)));
  const auto two = fs::file_size(path);
  for (auto size = one; size < two; ++size) {
    fs::resize_file(path, size);
    EvidenceBacklog again(path);
    const auto left = again.read();
    INFO(size);
    REQUIRE(left.size() == 1);
    CHECK(job_of(left.front()) == "job-1");
    CHECK(fs::file_size(path) == one);
    REQUIRE(again.add(outcome(2)));
    CHECK(again.read().size() == 2);
  }
  EvidenceBacklog(path).clear();
  CHECK(EvidenceBacklog(path).read().empty());
}

TEST_CASE("a backlog takes no more than its bound, and says so") {
  const test::Scratch scratch;
  EvidenceBacklog backlog(scratch.path + "/untold");
  auto large = outcome(1);
  for (int i = 0; i < 13; ++i) large.put("text_" + std::to_string(i), std::string(4096, 'x'));
  std::uint64_t taken = 0;
  while (backlog.add(large)) ++taken;
  const auto size = fs::file_size(scratch.path + "/untold");
  CHECK(size <= EvidenceBacklog::most_bytes);
  CHECK(size + 2 * (size / taken) > EvidenceBacklog::most_bytes);
  CHECK(backlog.read().size() == taken);
}
