#include "tests/unit/evidence_bench.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <stdexcept>

#include "supervisor/ledger/syncer.hpp"

namespace cordon::test {

Scratch::Scratch() {
  char name[] = "/tmp/cordon-evidence-XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error("no temporary directory");
  path = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

std::vector<EvidenceRecord> story(unsigned number, std::uint64_t code) {
  const auto job = fmt::format("01920000-0000-7000-8000-{:012}", number);
  const auto run = fmt::format("{:016x}", number);
  const EvidenceNumbers limits{{"pids", 64}, {"wall_ms", 10000}},
      usage{{"cpu_us", 100 + number}, {"wall_us", 200 + number}};
  const auto profile = hex(sha256("profile"));
  EvidenceRecord decision{EvidenceKind::decision, {}}, started{EvidenceKind::started, {}},
      ended{EvidenceKind::ended, {}}, outcome{EvidenceKind::outcome, {}};
  decision.put("job", job).put("actor", std::string("alice")).put("tenant", fmt::format("t{}", number % 5));
  decision.put("profile_sha256", profile).put("image", std::string("host")).put("limits", limits);
  decision.put("client", std::string("000000000000000a")).put("number", fmt::format("{:x}", 2 * number + 1));
  started.put("job", job).put("run", run).put("profile_sha256", profile).put("image", std::string("host"));
  started.put("limits", limits);
  ended.put("job", job).put("run", run).put("ending", std::string("exited")).put("code", code).put("usage", usage);
  outcome.put("job", job).put("actor", std::string("alice")).put("outcome", std::string("exited")).put("code", code);
  outcome.put("usage", usage)
      .put("client", std::string("000000000000000a"))
      .put("number", fmt::format("{:x}", 2 * number + 2));
  return {decision, started, ended, outcome};
}

void fill(ledger::Store& store, unsigned first_job, unsigned jobs) {
  for (unsigned i = 0; i < jobs; ++i) store.append(story(first_job + i));
}

void sign(ledger::Store& store, const std::string& directory) {
  ledger::Syncer syncer(directory, store.signer());
  syncer.begin(store.take_unsigned());
  const auto done = syncer.wait();
  if (!done.trouble.empty()) throw std::runtime_error(done.trouble);
  store.signed_up_to(done.size);
}

void make_log(const std::string& directory, unsigned jobs, std::uint64_t segment_bytes) {
  ledger::StoreLimits limits;
  limits.segment_bytes = segment_bytes;
  ledger::Store store(directory, "cordon/test", limits);
  fill(store, 0, jobs);
  sign(store, directory);
}

}  // namespace cordon::test
