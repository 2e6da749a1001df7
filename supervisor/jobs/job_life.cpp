#include "supervisor/jobs/job_life.hpp"

#include "supervisor/jobs/job_account.hpp"
#include "supervisor/jobs/job_report.hpp"
#include "supervisor/jobs/killed_by.hpp"
#include "supervisor/journal/authority_rows.hpp"
#include "supervisor/text/log.hpp"
#include "supervisor/tools/call_outcome.hpp"

namespace cordon {
namespace {

constexpr auto between_tries = std::chrono::seconds(1);  // of a journal that does not take the end of a job

std::optional<Outcome> objection_of(std::optional<Denied> denied) {
  if (!denied) return std::nullopt;
  return Outcome(std::move(*denied));
}

AdmissionLimits limits_of(const Config& config) {
  return {config.max_running, config.max_queued, config.admission};
}

std::int64_t now_us() {
  return unix_us(std::chrono::system_clock::now());
}

}  // namespace

JobLife::JobLife(asio::any_io_executor executor, Sandboxes sandboxes, HostWatch& host, ArtifactStore& artifacts,
                 JobStore& store, Journal& journal, Retention& retention, KillLatch& kill_latch, Operations& operations,
                 Evidence& evidence, ToolGate& tools, Authority& authority, CurrentConfig config)
    : executor_(std::move(executor)),
      sandboxes_(sandboxes),
      launcher_(sandboxes.launcher),
      host_(host),
      artifacts_(artifacts),
      store_(store),
      journal_(journal),
      retention_(retention),
      kill_latch_(kill_latch),
      operations_(operations),
      evidence_(evidence),
      tools_(tools),
      authority_(authority),
      config_(std::move(config)),
      admission_(limits_of(config_())),
      holds_(executor_, journal_, operations_,
             {[this](const JobPtr& job) { release(job); },
              [this](const JobPtr& job, Denied why) { deny(job, std::move(why)); }}),
      look_again_(executor_) {}

void JobLife::reconfigure() {
  admission_.set_limits(limits_of(config_()));
  start_what_may();
}

std::size_t JobLife::reset_breaker(const std::string& actor) {
  const auto open = admission_.breaker().reset(actor);
  tell_notices();
  return open;
}

void JobLife::start_what_may() {
  const bool launcher = launcher_.is_there();
  const bool evidence = !evidence_.unavailable();
  if (admission_.waiting() > 0 || !launcher || !evidence || !admission_.held_by().empty()) {
    auto room = host_.look(Clock::now());
    room.launcher = launcher;
    room.evidence = evidence;
    admission_.see(room);
  }
  while (const auto id = admission_.next(Clock::now())) {
    const auto job = store_.in_memory(*id);
    job->hang_up = nullptr;  // until there is a sandbox; it looks at hang_up_reason first
    job->own_phases.queue = Clock::now() - job->entered;
    job->become_running();
    asio::co_spawn(executor_, run(job), asio::detached);
  }
  sandboxes_.warm.see_queue(admission_.waiting());
  tell_notices();
  look_again_in_time();
}

// For what no event tells: that a budget's window has ended, that the host has room again.
void JobLife::look_again_in_time() {
  const auto when = admission_.look_again_at(Clock::now());
  look_again_.cancel();
  if (!when) return;
  look_again_.expires_at(*when);
  look_again_.async_wait([this](boost::system::error_code error) {
    if (!error) start_what_may();
  });
}

void JobLife::tell_notices() {
  for (const auto& notice : admission_.take_notices()) {
    if (notice.event == "circuit_opened") {
      operations_.tell(EventKind::breaker_open, {notice.actor, "", notice.tool, notice.profile, ""}, notice.detail);
    } else {
      log(notice.event,
          {{"actor", notice.actor}, {"tool", notice.tool}, {"profile", notice.profile}, {"detail", notice.detail}});
    }
  }
}

void JobLife::leave_queue(const JobPtr& job) {
  if (admission_.leave(job->id)) {
    asio::co_spawn(executor_, end(job, of_hang_up(job->hang_up_reason)), asio::detached);
  }
}

void JobLife::tell_journal(const JobPtr& job) {
  const auto note = [this, id = job->id](JobRows::Step step) {
    journal_.note([step, id, at = now_us()](JobRows& rows) { rows.step(step, id, at); });
  };
  job->on_started = [note] { note(JobRows::Step::started); };
  job->on_killing = [note] { note(JobRows::Step::killing); };
}

awaitable<void> JobLife::run(JobPtr job) {
  auto acceptance = accepted(job);
  const bool taken = co_await std::move(acceptance);
  if (!taken) co_return;  // submit() has withdrawn it
  auto outcome = co_await admit(job);
  if (!outcome) outcome = objection_of(authority_.objection_to_start(*job));  // its input is taken right behind this
  if (!outcome) {
    tell_journal(job);
    job->egress_end = authority_.end_of(*job);
    Decide decide = [this](const Job& asked) { return why_not_start(asked); };
    job->decided = Clock::now();
    job->own_phases.admission = job->decided - job->received - job->own_phases.queue.value_or(Clock::duration::zero());
    auto running = run_in_sandbox(job, sandboxes_, &artifacts_, std::move(decide));
    auto ran = co_await std::move(running);
    outcome = judge_call(*job, std::move(ran));
    if (job->cgroup_events) keep_survivor(job);
  }
  admission_.ended(job->id, spent_by(*job), verdict_of(*outcome), Clock::now());
  start_what_may();
  co_await end(job, std::move(*outcome));
  sandboxes_.warm.answered(job->id);
}

// Asked again at the last moment: what held when it was submitted may not hold any more.
std::optional<Outcome> JobLife::why_not_start(const Job& job) {
  if (const auto engaged = kill_latch_.engaged_for(job.membership())) return killed_by(*engaged);
  if (auto denied = authority_.withdrawn(job)) return std::move(*denied);
  if (!job.order.call) return std::nullopt;
  if (auto changed = why_not_called(tools_, *job.order.call, job.account.actor))
    return Denied{"tools", std::move(*changed)};
  return std::nullopt;
}

// nullopt: it may run. What was accepted waits for a journal that cannot be written.
awaitable<std::optional<Outcome>> JobLife::admit(JobPtr job) {
  asio::steady_timer timer(executor_);
  for (bool told = false; !job->admitted; told = true) {
    if (job->hang_up_reason.why != HangUp::no) co_return of_hang_up(job->hang_up_reason);
    const auto usable = std::make_shared<bool>(!job->mandate.approval);
    const auto context = authority_.begin_reading(*job);
    DatabaseThread::Work work = [id = job->id, at = now_us(), usable, context](JobRows& rows) {
      *usable = *usable || consume_approval(rows, id);
      if (*usable && context) save_context(rows, *context);
      if (*usable) rows.step(JobRows::Step::admitted, id, at);
    };
    try {
      co_await journal_.write(std::move(work), job->durability);
      if (!*usable) co_return Denied{"approval", "it was used already"};
      if (job->mandate.approval) job->mandate.approval->state = ApprovalState::consumed;
      job->admitted = true;
      continue;
    } catch (const std::exception& e) {
      if (!told) operations_.tell(EventKind::journal_failed, {}, e.what());
    }
    timer.expires_after(between_tries);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return std::nullopt;
}

// The journal has it before anybody hears of it. When the journal cannot be written the truth is told all the same, and
// tried to be kept until it can; but for what was cancelled or denied before it began: a restart would take it up
// again.
awaitable<void> JobLife::end(JobPtr job, Outcome outcome) {
  auto acceptance = accepted(job);
  const bool taken = co_await std::move(acceptance);
  if (!taken) co_return;  // submit() has withdrawn it
  job->order.drop_input();
  job->on_started = job->on_killing = nullptr;
  job->conclude(std::move(outcome), std::chrono::system_clock::now());
  for (const auto& artifact : job->collection.artifacts) artifacts_.keep(artifact.sha256);  // a start sweeps orphans
  job->texts = ended_texts(*job);
  const auto row = std::make_shared<const EndedRow>(ended_row(*job, journal_.age_s()));
  const auto budgets = changed_budgets();
  auto recording = record_outcome(job, row);
  co_await std::move(recording);
  asio::steady_timer timer(executor_);
  for (bool written = false; !written;) {
    DatabaseThread::Work work = [row, budgets](JobRows& rows) {
      rows.end(*row);
      rows.save(budgets);
    };
    try {
      co_await journal_.write(std::move(work), job->durability);
      written = true;
    } catch (const std::exception& e) {
      if (job->state != JobState::finished) operations_.tell(EventKind::journal_failed, {}, e.what());
    }
    const bool may_come_again = !job->admitted && (std::holds_alternative<Cancelled>(*job->outcome) ||
                                                   std::holds_alternative<Denied>(*job->outcome));
    if (row->ambiguous) tools_.unsettled.add(*row->ambiguous);
    if (job->state != JobState::finished && (written || !may_come_again)) {
      auto recorded = until_recorded(job);
      co_await std::move(recorded);
      job->finish();
      operations_.job_ended(*job);
    }
    if (written) break;
    timer.expires_after(between_tries);
    co_await timer.async_wait(asio::use_awaitable);
  }
  settle(job, row->bytes);
}

void JobLife::settle(const JobPtr& job, std::uint64_t bytes) {
  store_.ended(job->id);
  retention_.ended(job->account.actor, bytes);
  release_job_scope(job->id);
}

}  // namespace cordon
