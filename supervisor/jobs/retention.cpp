#include "supervisor/jobs/retention.hpp"

#include <algorithm>

#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr std::size_t at_once = 32;  // forgotten in one transaction
constexpr std::chrono::seconds between_saves{JournalClock::most_unsaved_s};
constexpr unsigned saves_to_a_look = 20;  // ten minutes
constexpr std::size_t swept_at_once = 256;

}  // namespace

Holdings::Holdings(std::map<std::string, Held> held) : held_(std::move(held)) {
  for (const auto& [actor, theirs] : held_) {
    total_.jobs += theirs.jobs;
    total_.bytes += theirs.bytes;
  }
}

void Holdings::add(const std::string& actor, std::uint64_t bytes) {
  for (auto* held : {&held_[actor], &total_}) {
    held->jobs += 1;
    held->bytes += bytes;
  }
}

void Holdings::subtract(const std::map<std::string, Held>& gone) {
  for (const auto& [actor, less] : gone) {
    auto& held = held_[actor];
    for (auto* from : {&held, &total_}) {
      from->jobs -= std::min(from->jobs, less.jobs);
      from->bytes -= std::min(from->bytes, less.bytes);
    }
    if (held.jobs == 0) held_.erase(actor);
  }
}

const std::string& Holdings::greediest(const RetentionLimits& limits) const {
  const auto share = [&](const Held& held) {
    return std::max(static_cast<double>(held.jobs) / static_cast<double>(limits.jobs),
                    static_cast<double>(held.bytes) / static_cast<double>(limits.bytes));
  };
  return std::max_element(held_.begin(), held_.end(),
                          [&](const auto& a, const auto& b) { return share(a.second) < share(b.second); })
      ->first;
}

Retention::Retention(asio::any_io_executor executor, Journal& journal, JobStore& store, ArtifactStore& artifacts,
                     CurrentLimits limits)
    : executor_(std::move(executor)),
      journal_(journal),
      store_(store),
      artifacts_(artifacts),
      limits_(std::move(limits)) {}

awaitable<void> Retention::begin() {
  std::function<std::map<std::string, Held>(JobRows&)> look = [](JobRows& rows) { return rows.held(); };
  auto held = co_await journal_.read(std::move(look));
  holdings_ = Holdings(std::move(held));
  asio::co_spawn(executor_, sweep_artifacts(), asio::detached);
  asio::co_spawn(executor_, watch_age(), asio::detached);
}

void Retention::ended(const std::string& actor, std::uint64_t bytes) {
  holdings_.add(actor, bytes);
  if (shrinking_ || !holdings_.exceed(limits_())) return;
  shrinking_ = true;
  asio::co_spawn(executor_, shrink(), asio::detached);
}

// Where many are kept, a few more than needed: so that not every end of a job is followed by a transaction that forgets
// one.
awaitable<void> Retention::shrink() {
  try {
    while (holdings_.exceed(limits_()) && holdings_.jobs() > 1) {
      const bool too_many = holdings_.jobs() > limits_().jobs;
      const auto most = too_many ? std::clamp<std::uint64_t>(limits_().jobs / 64, 1, at_once) : 1;
      const auto actor = holdings_.greediest(limits_());
      std::function<Forgotten(JobRows&)> what = [actor, most](JobRows& rows) {
        return rows.forget_oldest(actor, most);
      };
      co_await forget(std::move(what));
    }
  } catch (const std::exception& e) {
    log("retention_failed", {{"error", e.what()}});
  }
  shrinking_ = false;
}

awaitable<void> Retention::forget(std::function<Forgotten(JobRows&)> what) {
  const auto gone = std::make_shared<Forgotten>();
  DatabaseThread::Work work = [gone, what](JobRows& rows) { *gone = what(rows); };
  co_await journal_.write(std::move(work), Durability::process);
  holdings_.subtract(gone->held);
  for (const auto& id : gone->ids) store_.forgotten(id);
  for (const auto& content : gone->orphans) artifacts_.drop(content);
}

awaitable<void> Retention::forget_aged() {
  const auto before = journal_.age_s() - limits_().age_s;
  for (auto there = holdings_.jobs() + 1; holdings_.jobs() < there;) {
    there = holdings_.jobs();
    std::function<Forgotten(JobRows&)> what = [before](JobRows& rows) { return rows.forget_before(before, at_once); };
    co_await forget(std::move(what));
  }
}

awaitable<void> Retention::watch_age() {
  asio::steady_timer timer(executor_);
  for (unsigned saves = 0;; ++saves) {
    try {
      journal_.save_clock();
      if (saves % saves_to_a_look == 0) co_await forget_aged();
    } catch (const std::exception& e) {
      log("retention_failed", {{"error", e.what()}});
    }
    timer.expires_after(between_saves);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

// A process that was killed may have left files that no job in the journal has.
awaitable<void> Retention::sweep_artifacts() {
  const auto found = artifacts_.begin_sweep();
  try {
    for (std::size_t from = 0; from < found.size(); from += swept_at_once) {
      const std::vector<Sha256> some(
          found.begin() + static_cast<std::ptrdiff_t>(from),
          found.begin() + static_cast<std::ptrdiff_t>(std::min(from + swept_at_once, found.size())));
      std::function<std::vector<Sha256>(JobRows&)> look = [some](JobRows& rows) {
        std::vector<Sha256> orphans;
        for (const auto& content : some) {
          if (!rows.has_artifact(content)) orphans.push_back(content);
        }
        return orphans;
      };
      const auto orphans = co_await journal_.read(std::move(look));
      for (const auto& orphan : orphans) artifacts_.sweep(orphan);
    }
  } catch (const std::exception& e) {
    log("artifact_sweep_failed", {{"error", e.what()}});
  }
  artifacts_.end_sweep();
}

}  // namespace cordon
