// What is kept of ended jobs, and how it is forgotten.
#include "supervisor/journal/columns.hpp"
#include "supervisor/journal/job_rows.hpp"

namespace cordon {
namespace {

constexpr std::size_t tombstones_kept = 100'000;  // ids answered with 410 instead of 404, and their keys

}  // namespace

Forgotten JobRows::forget_oldest(const std::string& actor, std::size_t limit) {
  auto& oldest = prepared("SELECT n FROM jobs WHERE actor = ? AND state IN ('finished', 'lost') ORDER BY id LIMIT ?");
  oldest.bindNoCopy(1, actor);
  oldest.bind(2, static_cast<std::int64_t>(limit));
  std::vector<std::int64_t> rows;
  while (oldest.executeStep()) rows.push_back(oldest.getColumn(0).getInt64());
  return forget(rows);
}

Forgotten JobRows::forget_before(std::int64_t age_s, std::size_t limit) {
  auto& aged =
      prepared("SELECT n FROM jobs WHERE ended_age < ? AND state IN ('finished', 'lost') ORDER BY ended_age LIMIT ?");
  aged.bind(1, age_s);
  aged.bind(2, static_cast<std::int64_t>(limit));
  std::vector<std::int64_t> rows;
  while (aged.executeStep()) rows.push_back(aged.getColumn(0).getInt64());
  return forget(rows);
}

Forgotten JobRows::forget(const std::vector<std::int64_t>& rows) {
  Forgotten gone;
  tombstones_ = count_tombstones() + rows.size();
  for (const auto n : rows) {
    auto& job = prepared("UPDATE jobs SET state = 'forgotten' WHERE n = ? RETURNING actor, bytes, id");
    job.bind(1, n);
    job.executeStep();
    auto& held = gone.held[job.getColumn(0).getString()];
    held.jobs += 1;
    held.bytes += static_cast<std::uint64_t>(job.getColumn(1).getInt64());
    gone.ids.push_back(job.getColumn(2).getString());
    while (job.executeStep()) {
    }
    auto& report = prepared("DELETE FROM reports WHERE n = ?");
    report.bind(1, n);
    report.exec();
    forget_artifacts(n, gone);
  }
  for (const auto& [actor, less] : gone.held) {
    auto& held = prepared("UPDATE held SET jobs = jobs - ?, bytes = bytes - ? WHERE actor = ?");
    held.bind(1, static_cast<std::int64_t>(less.jobs));
    held.bind(2, static_cast<std::int64_t>(less.bytes));
    held.bindNoCopy(3, actor);
    held.exec();
  }
  database_.exec("DELETE FROM held WHERE jobs = 0");
  drop_oldest_tombstones();
  return gone;
}

void JobRows::forget_artifacts(std::int64_t row, Forgotten& into) {
  auto& theirs = prepared("DELETE FROM artifacts WHERE n = ? RETURNING sha256");
  theirs.bind(1, row);
  std::vector<Sha256> contents;
  while (theirs.executeStep()) contents.push_back(digest_of(theirs.getColumn(0)));
  for (const auto& content : contents) {
    if (!has_artifact(content)) into.orphans.push_back(content);
  }
}

// An id and a key outlive their report: what ran once must not run again because its result is gone.
void JobRows::drop_oldest_tombstones() {
  const auto there = count_tombstones();
  if (there <= tombstones_kept) return;
  auto& oldest =
      prepared("DELETE FROM jobs WHERE n IN (SELECT n FROM jobs WHERE state = 'forgotten' ORDER BY n LIMIT ?)");
  oldest.bind(1, static_cast<std::int64_t>(there - tombstones_kept));
  tombstones_ = there - static_cast<std::size_t>(oldest.exec());
}

std::size_t JobRows::count_tombstones() {
  if (!tombstones_) {
    auto& count = prepared("SELECT count(*) FROM jobs WHERE state = 'forgotten'");
    count.executeStep();
    tombstones_ = static_cast<std::size_t>(count.getColumn(0).getInt64());
  }
  return *tombstones_;
}

std::map<std::string, Held> JobRows::held() {
  auto& rows = prepared("SELECT actor, jobs, bytes FROM held");
  std::map<std::string, Held> out;
  while (rows.executeStep()) {
    out[rows.getColumn(0).getString()] = {static_cast<std::uint64_t>(rows.getColumn(1).getInt64()),
                                          static_cast<std::uint64_t>(rows.getColumn(2).getInt64())};
  }
  return out;
}

}  // namespace cordon
