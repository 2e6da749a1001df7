#include "supervisor/evidence/kept_refusals.hpp"

#include <utility>

namespace cordon {

KeptRefusals::KeptRefusals(asio::any_io_executor executor, Evidence& evidence, const std::optional<std::string>& file)
    : executor_(std::move(executor)), evidence_(evidence) {
  if (evidence_.is_on() && file) file_.emplace(*file);
}

void KeptRefusals::begin() {
  if (!evidence_.is_on()) return;
  if (file_) {
    for (auto& record : file_->read()) {
      record.put("retold", std::string("true"));
      evidence_.note(std::move(record));
    }
    file_->clear();
  }
  asio::co_spawn(executor_, keep_writing(), asio::detached);
}

void KeptRefusals::add(Refusal refusal) {
  if (!evidence_.is_on()) return;
  if (tally_.add(std::move(refusal), Clock::now()) && !evidence_.unavailable()) {
    write_due();
    first_.ring();
  }
  if (!file_) return;
  if (const auto counts = tally_.latest()) file_->put(counts->place, counts->record);
}

void KeptRefusals::write_due() {
  if (!evidence_.unavailable()) write(tally_.take_due(Clock::now()));
}

// Said first: what is in both is told twice at worst.
void KeptRefusals::write(std::vector<RefusalTally::Counts>&& counts) {
  for (auto& [record, place] : counts) {
    evidence_.note(std::move(record));
    if (file_) file_->clear(place);
  }
}

// Until the next count is due; of a ledger that is away nothing is, until it is back.
awaitable<void> KeptRefusals::keep_writing() {
  Waker waker(executor_);
  const Watch first(first_, waker), ledger(evidence_.changes(), waker);
  for (;;) {
    write_due();
    const auto next = evidence_.unavailable() ? std::nullopt : tally_.next();
    co_await waker.sleep(next.value_or(Clock::time_point::max()));
  }
}

void KeptRefusals::write_all() {
  write(tally_.take_all());
}

}  // namespace cordon
