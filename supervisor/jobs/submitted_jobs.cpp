// The first steps of a job's life: it has a place, the journal and the ledger have it, it is in the queue.
#include <fmt/format.h>

#include "supervisor/jobs/job_account.hpp"
#include "supervisor/jobs/job_evidence.hpp"
#include "supervisor/jobs/job_life.hpp"
#include "supervisor/jobs/job_report.hpp"
#include "supervisor/journal/authority_rows.hpp"

namespace cordon {
namespace {

constexpr auto longest_away = std::chrono::seconds(5);  // longer without one, and nothing more is taken in

Rejection switched_off(const Engagement& engagement) {
  const auto scope = to_string(engagement.scope);
  return {403, "kill_switch_engaged", "Kill switch engaged",
          fmt::format("{} was engaged by {} at {}: {}", scope, engagement.by, rfc3339(engagement.engaged_at),
                      engagement.reason),
          "Nothing of this scope is started until an operator releases it (cordon release)."};
}

Rejection journal_unavailable(const std::string& error) {
  Rejection r = overloaded("journal_unavailable", error, 1);
  r.title = "The journal cannot be written";
  r.remedy = "Nothing was started. The operator has to mend what the detail names; then try again.";
  return r;
}

Rejection launcher_away(const std::string& socket) {
  Rejection r = overloaded("launcher_unavailable", "cordon-launcher does not answer at " + socket, 1);
  r.title = "Nothing can be started";
  r.remedy = std::string("Nothing was started. ") + launcher_remedy;
  return r;
}

ReceivedRow received_row(const Job& job, Submission submission, bool waits) {
  ReceivedRow row{
      job.id,           job.account.actor, job.account.tenant,       std::move(submission.key), submission.request,
      report_text(job), std::nullopt,      unix_us(job.submitted_at)};
  // A client that waits without a key is gone with this process; nobody would ever hear of its job.
  // (Who waits for what is held is told so at once, and asks again.)
  const bool survives = row.key || !submission.waited_for || job.mandate.is_held();
  if (waits && survives) row.body = std::move(submission.body);
  if (job.mandate.approval || !job.mandate.grant.empty()) row.mandate = mandate_text(job.mandate);
  return row;
}

}  // namespace

tl::expected<void, Rejection> JobLife::reserve(const std::string& id, Claim claim, const Membership& membership) {
  if (const auto root = kill_latch_.stop_all()) return tl::unexpected(switched_off(*root));
  if (const auto engaged = kill_latch_.engaged_for(membership)) return tl::unexpected(switched_off(*engaged));
  if (!launcher_.is_there() || !admission_.held_by().empty()) start_what_may();  // and what nothing starts for
  if (auto trouble = evidence_.unavailable()) return tl::unexpected(std::move(*trouble));
  if (launcher_.away() > longest_away) return tl::unexpected(launcher_away(launcher_.socket_path()));
  auto place = admission_.admit(id, std::move(claim), Clock::now());
  tell_notices();
  return place;
}

Durability JobLife::durability_of(const Submission& submission) const {
  if (const auto always = config_().durability) return *always == "power" ? Durability::power : Durability::process;
  return submission.key || !submission.waited_for ? Durability::power : Durability::process;
}

// It has its place from here on; what starts it waits until the journal has it.
awaitable<tl::expected<void, Rejection>> JobLife::submit(JobPtr job, Submission submission) {
  const bool held = job->mandate.is_held();
  job->durability = held ? Durability::power : durability_of(submission);
  job->evidence = evidence_.is_on();
  if (submission.key) store_.bind({job->account.actor, *submission.key}, submission.request, job);
  held ? hold(job) : enter(job);
  const bool starts = job->state == JobState::running;
  const auto row = received_row(*job, std::move(submission), !starts);
  const auto context = starts ? authority_.begin_reading(*job) : std::nullopt;
  DatabaseThread::Work work = [row, starts, budgets = changed_budgets(), context,
                               uses = authority_.take_use(*job)](JobRows& rows) {
    rows.receive(row);
    count_uses(rows, uses);
    if (context) save_context(rows, *context);
    rows.save(budgets);
    if (starts) rows.step(JobRows::Step::admitted, row.id, row.at_us);
  };
  auto recording = record_decision(job);
  const auto receipt = co_await std::move(recording);
  std::string failed;
  try {
    co_await journal_.write(std::move(work), job->durability);
    job->admitted = starts;
  } catch (const std::exception& e) {
    failed = e.what();
  }
  auto settling = Evidence::settled(receipt);
  const auto recorded = co_await std::move(settling);
  job->accept(failed.empty() && recorded);
  if (failed.empty() && recorded && held) holds_.add(job);
  if (failed.empty() && recorded) co_return tl::expected<void, Rejection>();
  authority_.give_back_use(*job);
  if (recorded || receipt->maybe_written) evidence_.note(withdrawn_record(job->id, "the client was refused"));
  if (!failed.empty()) operations_.tell(EventKind::journal_failed, {}, failed);
  if (failed.empty()) journal_.note([id = job->id](JobRows& rows) { rows.withdraw(id); });
  withdraw(job);
  co_return tl::unexpected(failed.empty() ? recorded.error() : journal_unavailable(failed));
}

awaitable<bool> JobLife::accepted(JobPtr job) {
  const auto executor = co_await asio::this_coro::executor;
  Waker waker(executor);
  const Watch watch(job->changes, waker);
  while (job->acceptance == Acceptance::pending) co_await waker.sleep();
  co_return job->acceptance == Acceptance::accepted;
}

void JobLife::resubmit(const JobPtr& job) {
  job->received = Clock::now();
  job->durability = Durability::power;
  job->evidence = evidence_.is_on();
  job->accept(true);
  take_in(job);
  if (job->mandate.is_held()) {
    admission_.readmit_held(job->id, claim_of(job->account, job->order));
    job->become_held();
    return holds_.add(job);
  }
  admission_.readmit(job->id, claim_of(job->account, job->order), Clock::now());
  start_what_may();
}

void JobLife::refuse_resubmitted(const JobPtr& job, Outcome outcome) {
  job->durability = Durability::power;
  job->accept(true);
  store_.add(job);
  asio::co_spawn(executor_, end(job, std::move(outcome)), asio::detached);
}

void JobLife::enter(const JobPtr& job) {
  take_in(job);
  admission_.enter(job->id, Clock::now());
  start_what_may();
}

void JobLife::take_in(const JobPtr& job) {
  store_.add(job);
  job->entered = Clock::now();
  job->hang_up = [this, weak = std::weak_ptr(job)] {
    if (const auto alive = weak.lock()) leave_queue(alive);
  };
}

void JobLife::withdraw(const JobPtr& job) {
  job->hang_up = nullptr;
  store_.remove(job->id);
  if (!admission_.leave(job->id)) admission_.ended(job->id, {}, Verdict::neither, Clock::now());
  start_what_may();
}

}  // namespace cordon
