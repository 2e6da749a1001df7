#include "supervisor/jobs/job_life.hpp"

#include <fmt/format.h>

#include "sandbox/kernel/check.hpp"
#include "supervisor/jobs/job_account.hpp"
#include "supervisor/jobs/job_evidence.hpp"
#include "supervisor/jobs/job_report.hpp"
#include "supervisor/journal/authority_rows.hpp"
#include "supervisor/text/log.hpp"
#include "supervisor/tools/call_outcome.hpp"

namespace cordon {
namespace {

constexpr auto longest_away = std::chrono::seconds(5);   // longer without one, and nothing more is taken in
constexpr auto between_tries = std::chrono::seconds(1);  // of a journal that does not take the end of a job

Killed killed_by(const Engagement& engagement) {
  return {to_string(engagement.scope), engagement.by, engagement.reason};
}

Rejection switched_off(const Engagement& engagement) {
  const auto scope = to_string(engagement.scope);
  return {403, "kill_switch_engaged", "Kill switch engaged",
          fmt::format("{} was engaged by {} at {}: {}", scope, engagement.by, rfc3339(engagement.engaged_at),
                      engagement.reason),
          "Nothing of this scope is started until an operator releases it (cordon release)."};
}

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

std::size_t JobLife::reset_breaker(const std::string& actor) {
  const auto open = admission_.breaker().reset(actor);
  tell_notices();
  return open;
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

std::vector<JobPtr> JobLife::kill(const Engagement& engagement) {
  auto jobs = store_.select(
      [&](const Job& job) { return job.state != JobState::finished && contains(engagement.scope, job.membership()); });
  for (const auto& job : jobs) job->kill(killed_by(engagement));
  return jobs;
}

void JobLife::heed_kill_switch() {
  for (const auto& engagement : kill_latch_.state().engaged()) {
    kill(engagement);
    if (engagement.scope.kind != Scope::Kind::job) continue;
    const auto job = store_.in_memory(engagement.scope.name);
    if (!job || job->state == JobState::finished) release_job_scope(engagement.scope.name);
  }
}

void JobLife::keep_survivor(const JobPtr& job) {
  log("sandbox_not_empty", {{"job", job->id}, {"actor", job->account.actor}});
  survivors_.add(job->id, job->membership(), std::move(job->cgroup_events));
}

// Its id never comes again: there is nothing left to keep from starting.
void JobLife::release_job_scope(const std::string& id) {
  kill_latch_.release({Scope::Kind::job, id});
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
