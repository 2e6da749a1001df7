// What of a job's life goes on the record.
#include "supervisor/authority/action.hpp"
#include "supervisor/jobs/job_evidence.hpp"
#include "supervisor/jobs/job_life.hpp"

namespace cordon {
namespace {

constexpr auto recording_patience = std::chrono::seconds(1);

}  // namespace

// Said to the ledger before the journal is written, so that both are under way at once.
awaitable<Evidence::ReceiptPtr> JobLife::record_decision(JobPtr job) {
  if (!evidence_.is_on()) co_return evidence_.begin_record({});
  const auto image = image_of(job->order, config_());
  Sha256 action{};
  if (is_quick(job->order.memory())) {
    action = action_digest(job->order, job->account, job->mandate, image);
  } else {
    std::function<Sha256(JobRows&)> hash = [job, image](JobRows&) {
      return action_digest(job->order, job->account, job->mandate, image);
    };
    action = co_await journal_.read(std::move(hash));
  }
  co_return evidence_.begin_record(decision_record(*job, action, config_()));
}

// What the ledger cannot take now it takes when it can.
awaitable<void> JobLife::record_outcome(JobPtr job, std::shared_ptr<const EndedRow> row) {
  if (!evidence_.is_on()) co_return;
  const auto digests = [row] { return OutputDigests{sha256(row->stdout_bytes), sha256(row->stderr_bytes)}; };
  OutputDigests outputs;
  if (is_quick(row->stdout_bytes.size() + row->stderr_bytes.size())) {
    outputs = digests();
  } else {
    std::function<OutputDigests(JobRows&)> hash = [digests](JobRows&) { return digests(); };
    outputs = co_await journal_.read(std::move(hash));
  }
  job->recorded = evidence_.note(outcome_record(*job, outputs, config_().evidence.redact));
}

// So that whoever has the answer can prove it. A ledger that does not answer keeps nobody from the truth, and a kill
// never waits for it: then the report says that the outcome is not on the record yet.
awaitable<void> JobLife::until_recorded(JobPtr job) {
  if (!job->recorded || std::holds_alternative<Killed>(*job->outcome)) co_return;
  auto writing = evidence_.until_written(job->recorded, Clock::now() + recording_patience);
  co_await std::move(writing);
}

}  // namespace cordon
