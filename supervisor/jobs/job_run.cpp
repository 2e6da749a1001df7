#include "supervisor/jobs/job_run.hpp"

#include "profiles/egress_narrow.hpp"
#include "sandbox/kernel/check.hpp"
#include "supervisor/jobs/artifact_writer.hpp"
#include "supervisor/jobs/lifeline.hpp"
#include "supervisor/jobs/order_files.hpp"
#include "supervisor/jobs/survivors.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr std::size_t read_bytes = std::size_t{64} * 1024;
constexpr auto drain_time = std::chrono::seconds(5);  // for pipes, after the sandbox is gone
constexpr auto flows_time = std::chrono::seconds(3);  // for the last of its flows, of which thousands may end at once
constexpr auto decision_pause =
    std::chrono::milliseconds(10);  // between two of them; by then a launcher's end is known
constexpr int max_decisions = 100;  // each is a launch for nothing, and an engaged kill switch or a new launcher

std::optional<ScratchSurvey> survey_of(const OrderFiles& files) {
  if (!files.given()) return std::nullopt;
  return ScratchSurvey(*files.given());
}

// One job on one lifeline.
class JobRun : public std::enable_shared_from_this<JobRun> {
 public:
  // With a sandbox of the pool, or one that was begun for this job.
  enum class Origin : std::uint8_t { pool, own };

  JobRun(JobPtr job, OrderFilesPtr files, LifelinePtr line, Origin origin, ArtifactStore& store, Sandboxes sandboxes,
         const asio::any_io_executor& executor)
      : job_(std::move(job)),
        files_(std::move(files)),
        line_(std::move(line)),
        origin_(origin),
        artifacts_(store, job_->order.collect_bounds, files_->collects() || files_->given(), survey_of(*files_)),
        warm_(sandboxes.warm),
        egress_(sandboxes.egress),
        waker_(executor),
        executor_(executor) {}

  void send_order(std::uint64_t generation);
  awaitable<Outcome> listen();
  awaitable<void> drain(Clock::time_point deadline);
  awaitable<void> await_empty(Clock::time_point deadline);
  awaitable<void> await_flows();
  // Nothing of the job ran, and it may have to be decided about again.
  bool is_stale() const { return stale_ || spoiled_ || declined_ || was_never_heard(); }
  bool was_declined() const { return declined_; }  // by the interpreter that waited in the sandbox
  // It was the sandbox of the pool that could not take the job: one that is made for it may, or says why not.
  bool was_spoiled() const { return spoiled_; }
  bool was_never_heard() const { return !answered_ && line_->was_never_heard(); }
  void hang_up() { line_->half_close(); }

 private:
  std::optional<Outcome> take(Lifeline::Heard heard);
  void stand();
  void listen_to_pipes();
  bool may_begin_again() const { return !started_ && job_->hang_up_reason.why == HangUp::no; }
  static awaitable<void> pump(std::shared_ptr<JobRun> self, std::size_t which);
  void pass_on(std::size_t which, std::string_view bytes);

  JobPtr job_;
  OrderFilesPtr files_;
  LifelinePtr line_;
  Origin origin_;
  ArtifactWriter artifacts_;
  WarmPool& warm_;
  EgressWatcher& egress_;
  Waker waker_;
  asio::any_io_executor executor_;
  std::size_t open_ = 0;
  bool stale_ = false, spoiled_ = false, declined_ = false, answered_ = false, started_ = false;
};

JobOwner owner_of(const Job& job) {
  const auto all = job.membership();
  return {all.actor, all.tenant, all.tool, all.profile};
}

EgressGrants egress_of(const Job& job) {
  if (!job.egress_end) return job.order.egress;
  return ending_by(job.order.egress, std::chrono::floor<std::chrono::seconds>(*job.egress_end));
}

void JobRun::send_order(std::uint64_t generation) {
  JobSpec spec{job_->id, job_->order.limits, generation, egress_of(*job_), files_->given().has_value()};
  if (!spec.egress.empty()) {
    spec.owner = owner_of(*job_);
    job_->network = egress_.follow(job_->id, spec.owner);
  }
  job_->warm = line_->prepared().has_value();
  if (line_->prepared()) stand();  // first: what fails in it has sent nothing
  line_->send(spec, files_->memfds());
  job_->own_phases.order = Clock::now() - job_->decided;
}

void JobRun::pass_on(std::size_t which, std::string_view bytes) {
  if (which == artifacts_fd) {
    artifacts_.feed(bytes);
  } else {
    job_->write(which == stdout_fd ? Stream::out : Stream::err, bytes);
  }
}

// What is there to be read, or nothing at the end. A pipe that is waited for has no buffer: one serves all.
std::optional<std::string_view> read_some(Lifeline::Pipe& pipe) {
  static std::string buffer(read_bytes, '\0');
  boost::system::error_code error;
  const auto size = pipe.read_some(asio::buffer(buffer), error);
  if (error == asio::error::would_block || error == asio::error::interrupted) return "";
  if (error) return std::nullopt;
  return std::string_view(buffer).substr(0, size);
}

// Reads to the end, whatever the limits are: a tool must never block because nobody listens.
awaitable<void> JobRun::pump(std::shared_ptr<JobRun> self, std::size_t which) {
  auto& pipe = self->line_->pipes()[which];
  for (;;) {
    const auto [error] = co_await pipe.async_wait(Lifeline::Pipe::wait_read, as_result);
    if (error) break;
    const auto bytes = read_some(pipe);
    if (!bytes) break;
    self->pass_on(which, *bytes);
  }
  --self->open_;
  self->waker_.ring();
}

// The sandbox is there.
void JobRun::stand() {
  job_->cgroup_events = line_->take_cgroup_events();
}

// Not before the job has begun: what an interpreter that waited wrote at its start is the job's only if it takes it.
// One that filled a pipe then has not become ready.
void JobRun::listen_to_pipes() {
  open_ = line_->pipes().size();
  for (auto& pipe : line_->pipes()) pipe.non_blocking(true);
  for (std::size_t i = 0; i < open_; ++i) asio::co_spawn(executor_, pump(shared_from_this(), i), asio::detached);
}

std::optional<Outcome> JobRun::take(Lifeline::Heard heard) {
  if (std::holds_alternative<Lifeline::Stands>(heard)) {
    stand();
    return std::nullopt;
  }
  if (auto* closed = std::get_if<Lifeline::Closed>(&heard)) return Lost{std::move(closed->why)};
  answered_ = true;
  if (auto* started = std::get_if<Started>(&heard)) {
    if (!line_->prepared()) return Lost{"the launcher started the job in a sandbox that it had not prepared"};
    started_ = true;
    warm_.took(*job_);
    listen_to_pipes();
    files_->drop();
    Enforced enforced{line_->prepared()->enforced, line_->prepared()->filter};
    for (auto& fact : started->enforced) enforced.facts.push_back(std::move(fact));
    job_->become_started(std::move(enforced), std::chrono::system_clock::now());
    return std::nullopt;
  }
  auto& end = std::get<Finished>(heard);
  if (!std::holds_alternative<Hanging>(end.ending)) job_->cgroup_events.reset();
  stale_ = std::holds_alternative<Stale>(end.ending) && job_->hang_up_reason.why == HangUp::no;
  if (stale_) return Outcome(Cancelled{});  // nobody's: it is decided about again
  declined_ = std::holds_alternative<Declined>(end.ending) && may_begin_again();
  if (declined_) return judge(end.ending, {});
  spoiled_ = origin_ == Origin::pool && std::holds_alternative<SetupFailed>(end.ending) && may_begin_again();
  if (spoiled_) return judge(end.ending, {});
  job_->report = std::move(end);
  return judge(job_->report->ending, job_->hang_up_reason);
}

awaitable<Outcome> JobRun::listen() {
  for (;;) {
    auto hearing = line_->hear();
    auto heard = co_await std::move(hearing);
    if (!heard) co_return Lost{"the lifeline can no longer be read"};
    auto outcome = take(std::move(*heard));
    if (outcome) co_return std::move(*outcome);
  }
}

awaitable<void> JobRun::drain(Clock::time_point deadline) {
  auto& pipes = line_->pipes();
  if (is_stale()) {
    for (auto& pipe : pipes) pipe.close();
    co_return;
  }
  const auto begin = Clock::now();
  while (open_ > 0 && Clock::now() < deadline) co_await waker_.sleep(deadline);
  if (open_ > 0 && job_->report) {
    job_->report->denials.push_back({"output", std::nullopt, "a pipe was still open 5 s after the end; cut there"});
  }
  for (auto& pipe : pipes) pipe.close();
  job_->close(Stream::out);
  job_->close(Stream::err);
  if (!pipes.empty()) job_->collection = artifacts_.finish();
  job_->own_phases.drain = Clock::now() - begin;
}

// Without a report nobody but the kernel knows what of the job lives.
awaitable<void> JobRun::await_empty(Clock::time_point deadline) {
  if (job_->report || !job_->cgroup_events) co_return;
  auto waiting = until_empty(&job_->cgroup_events, deadline);
  const bool empty = co_await std::move(waiting);
  if (empty) job_->cgroup_events.reset();
}

// The last of its flows is told behind its end; who does not tell it by then has lost it, as far as the report goes.
awaitable<void> JobRun::await_flows() {
  if (!job_->network) co_return;
  const auto flows = job_->network;
  const Watch watch(flows->changes, waker_);
  const auto deadline = Clock::now() + flows_time;
  while (started_ && !flows->is_closed() && Clock::now() < deadline) co_await waker_.sleep(deadline);
  if (started_ && !flows->is_closed())
    egress_.forget_when_told(job_->id);
  else
    egress_.forget(job_->id);
  flows->lose();
}

awaitable<Outcome> follow(std::shared_ptr<JobRun> run) {
  std::optional<Outcome> outcome;
  try {
    outcome = co_await run->listen();
  } catch (const std::exception& e) {
    outcome = Lost{e.what()};
  }
  run->hang_up();  // it has said all, or what nobody understands
  const auto deadline = Clock::now() + drain_time;
  co_await run->drain(deadline);
  co_await run->await_empty(deadline);
  co_await run->await_flows();
  co_return std::move(*outcome);
}

// false: nobody wants the job any more. Throws KernelError when there is no launcher by the deadline.
awaitable<bool> until_there(JobPtr job, Launcher* launcher, Clock::time_point deadline) {
  const auto executor = co_await asio::this_coro::executor;
  Waker waker(executor);
  const Watch watch(launcher->greeted(), waker);
  job->hang_up = [&waker] { waker.ring(); };
  const auto is_wanted = [&] { return job->hang_up_reason.why == HangUp::no; };
  if (is_wanted()) co_await waker.sleep(Clock::now() + decision_pause);
  while (is_wanted() && !launcher->is_there() && Clock::now() < deadline) co_await waker.sleep(deadline);
  job->hang_up = nullptr;
  if (is_wanted() && !launcher->is_there()) {
    throw KernelError("connect to the launcher", launcher->socket_path(), ECONNREFUSED, launcher_remedy);
  }
  co_return is_wanted();
}

// A sandbox that is begun only now. The launcher may have ended between the decision to start and this: nothing has
// run, and there will be another. nullptr: nobody wants the job any more.
awaitable<LifelinePtr> begin_sandbox(JobPtr job, Launcher* launcher) {
  const auto deadline = Clock::now() + greeting_time;
  for (;;) {
    try {
      const Preparation wanted{job->order.profile_sha256, job->order.image, ""};
      auto opening = Lifeline::open(launcher->socket_path(), wanted);
      co_return co_await std::move(opening);
    } catch (const KernelError& e) {
      if ((e.error != ECONNREFUSED && e.error != ENOENT) || Clock::now() > deadline) throw;
    }
    auto waiting = until_there(job, launcher, deadline);
    const bool wanted = co_await std::move(waiting);
    if (!wanted) co_return nullptr;
  }
}

enum class Again { no, at_once, cold, when_there_is_a_launcher };
struct Tried {
  Outcome outcome;  // of Again::no; of Again::cold: why
  Again again = Again::no;
};

// From the decision to start to the end. What is decided meanwhile makes the generation stale: it is read first.
awaitable<Tried> try_to_run(JobPtr job, OrderFilesPtr files, Sandboxes sandboxes, ArtifactStore* store, bool cold) {
  const auto executor = co_await asio::this_coro::executor;
  const auto generation = sandboxes.launcher.generation();
  WarmPool::Taken taken;
  if (!cold) taken = sandboxes.warm.take(*job, files->prestart());
  auto line = std::move(taken.line);
  const bool from_pool = line != nullptr;
  if (!line) {
    auto beginning = begin_sandbox(job, &sandboxes.launcher);
    line = co_await std::move(beginning);
  }
  if (!line || job->hang_up_reason.why != HangUp::no) co_return Tried{of_hang_up(job->hang_up_reason)};
  const auto origin = from_pool ? JobRun::Origin::pool : JobRun::Origin::own;
  const auto run = std::make_shared<JobRun>(job, files, std::move(line), origin, *store, sandboxes, executor);
  job->prestart = taken.prestart;
  run->send_order(generation);
  job->hang_up = [weak = std::weak_ptr(run)] {
    if (const auto alive = weak.lock()) alive->hang_up();
  };
  auto following = follow(run);
  auto outcome = co_await std::move(following);
  job->hang_up = nullptr;
  Tried tried{std::move(outcome)};
  if (!run->is_stale()) co_return tried;
  job->cgroup_events.reset();  // of a sandbox in which there is nothing of it
  if (run->was_declined()) sandboxes.warm.declined(*job);
  if (run->was_declined() || run->was_spoiled()) sandboxes.warm.refused(*job, tried.outcome);
  job->warm = false;
  job->prestart.clear();
  if (run->was_declined()) {
    files->decline_prestart();
    tried.again = Again::at_once;
    co_return tried;
  }
  if (run->was_spoiled()) {
    tried.again = Again::cold;
    co_return tried;
  }
  // One of the pool that had died unnoticed says nothing of the launcher: the next may live.
  tried.again = from_pool && run->was_never_heard() ? Again::at_once : Again::when_there_is_a_launcher;
  co_return tried;
}

// A job that cannot be set up anywhere says so itself.
void tell_spoiled(const Job& job, const Outcome& how, const Outcome& cold) {
  if (std::holds_alternative<SetupFailed>(cold)) return;
  log("warm_sandbox_failed", {{"profile", job.order.profile}, {"image", job.order.image}, {"why", log_text(how)}},
      Priority::warning);
}

awaitable<Outcome> decide_and_run(JobPtr job, Sandboxes sandboxes, ArtifactStore* store, Decide decide) {
  const auto files = std::make_shared<OrderFiles>(job->order, sandboxes.warm.offers(job->order.profile_sha256));
  std::optional<Outcome> spoiled;  // why it starts cold
  for (int decisions = 0; decisions < max_decisions; ++decisions) {
    if (auto refused = decide(*job)) co_return std::move(*refused);
    auto trying = try_to_run(job, files, sandboxes, store, spoiled.has_value());
    auto tried = co_await std::move(trying);
    if (tried.again == Again::no && spoiled) tell_spoiled(*job, *spoiled, tried.outcome);
    if (tried.again == Again::no) co_return std::move(tried.outcome);
    if (tried.again == Again::cold) spoiled = std::move(tried.outcome);
    if (tried.again != Again::when_there_is_a_launcher) continue;
    auto waiting = until_there(job, &sandboxes.launcher, Clock::now() + greeting_time);
    const bool wanted = co_await std::move(waiting);
    if (!wanted) co_return of_hang_up(job->hang_up_reason);
  }
  throw KernelError("start the job", "before the kill switch or the launcher changed again", EAGAIN, "submit it again");
}

}  // namespace

awaitable<Outcome> run_in_sandbox(JobPtr job, Sandboxes sandboxes, ArtifactStore* store, Decide decide) {
  try {
    co_return co_await decide_and_run(job, sandboxes, store, std::move(decide));
  } catch (const KernelError& e) {
    co_return SetupFailed{e.step, e.object, e.error, e.remedy};
  } catch (const std::exception& e) {
    co_return SetupFailed{"prepare the job", e.what(), 0, ""};
  }
}

}  // namespace cordon
