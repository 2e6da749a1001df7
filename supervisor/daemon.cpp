#include "supervisor/daemon.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "sandbox/kernel/check.hpp"
#include "supervisor/jobs/job_evidence.hpp"
#include "supervisor/jobs/recovery.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr auto start_patience = std::chrono::seconds(60);       // with a launcher that is not there yet
constexpr auto ledger_patience = std::chrono::seconds(2);       // then jobs are refused until there is one
constexpr auto last_patience = std::chrono::seconds(1);         // with the ledger, at the end
constexpr auto launcher_look = std::chrono::milliseconds(100);  // no event says that a socket has come to be
constexpr std::size_t bodies_in_flight = std::size_t{256} << 20;
constexpr std::size_t answers_in_flight = std::size_t{256} << 20;

// Two cordonds with one state directory would each delete the other's artifacts.
Fd lock_state(const std::string& state_dir) {
  const auto path = state_dir + "/daemon/lock";
  Fd lock(check(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open", path));
  check(::flock(lock.get(), LOCK_EX | LOCK_NB), "lock (is another cordond running?)", path);
  return lock;
}

gid_t group_named(const std::string& name) {
  const auto* entry = ::getgrnam(name.c_str());
  if (entry == nullptr) {
    throw KernelError("find the group", name, ENOENT, "create it, or give --agent-gid and --operator-gid");
  }
  return entry->gr_gid;
}

RetentionLimits retention_limits(const Config& config) {
  constexpr std::int64_t day_s = std::int64_t{24} * 60 * 60;
  return {config.retain_jobs, config.retain_bytes, config.retain_days * day_s};
}

std::optional<std::string> ledger_socket(const DaemonOptions& options, const Catalog& catalog) {
  if (!catalog.config.evidence.on) return std::nullopt;
  return options.runtime_dir + ledger_socket_name;
}

bool may_still_come(int error) {
  return error == ENOENT || error == ECONNREFUSED;
}

void note_serving(Api& api) {
  EvidenceRecord record{EvidenceKind::serving, {}};
  record.put("version", std::string(CORDON_VERSION)).put("config_sha256", hex(api.catalog->config.digest));
  api.evidence.note(std::move(record));
}

awaitable<void> await_launcher(Launcher* launcher) {
  const auto executor = co_await asio::this_coro::executor;
  const auto deadline = Clock::now() + start_patience;
  asio::steady_timer timer(executor);
  for (bool said = false;; said = true) {
    try {
      co_await launcher->reach(deadline);
      co_return;
    } catch (const KernelError& e) {
      if (!may_still_come(e.error) || Clock::now() > deadline) throw;
      if (!said) log("waiting_for_launcher", {{"socket", launcher->socket_path()}, {"error", e.what()}});
    }
    timer.expires_after(launcher_look);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

Daemon::Daemon(asio::io_context& io, DaemonOptions options, CatalogPtr catalog, PassedSockets passed)
    : executor_(io.get_executor()),
      options_(std::move(options)),
      passed_(std::move(passed)),
      lock_(lock_state(options_.state_dir)),
      api_{options_.config_file,
           options_.state_dir + "/ledger",
           std::move(catalog),
           {},
           Evidence(executor_, ledger_socket(options_, *api_.catalog), options_.state_dir + "/daemon/untold"),
           KeptRefusals(executor_, api_.evidence, options_.state_dir + "/daemon/refusals"),
           ArtifactStore(options_.state_dir + "/daemon/artifacts"),
           Journal(executor_, options_.state_dir + "/daemon/journal.db"),
           JobStore(api_.journal, api_.artifacts, api_.evidence),
           Retention(executor_, api_.journal, api_.store, api_.artifacts,
                     [this] { return retention_limits(api_.catalog->config); }),
           Launcher(options_.runtime_dir + "/launcher.sock"),
           KillLatch(options_.state_dir + "/daemon/kill.json", {options_.runtime_dir, options_.state_dir},
                     api_.launcher),
           {},
           {},
           ToolGate(options_.state_dir + "/daemon/tools.json", 0),
           WarmPool(executor_, api_.launcher, api_.host, api_.operations.metrics),
           Authority(api_.journal, [this]() -> const Config& { return api_.catalog->config; }),
           EgressWatcher(executor_, options_.runtime_dir + "/egress.sock", api_.operations, api_.evidence),
           JobLife(executor_, {api_.launcher, api_.warm, api_.egress}, api_.host, api_.artifacts, api_.store,
                   api_.journal, api_.retention, api_.kill_latch, api_.operations, api_.evidence, api_.tools,
                   api_.authority, [this]() -> const Config& { return api_.catalog->config; }),
           {}},
      bodies_(bodies_in_flight),
      answers_(answers_in_flight),
      turns_(executor_) {
  api_.operations.configure(api_.catalog->config.operations);
  api_.operations.keep(api_.evidence);
  see_tools(api_);
  api_.operations.connect([this](const Trip& trip, const std::string& why) { engage(trip, why); });
}

awaitable<void> Daemon::kill_and_persist(Api* api, Engagement engagement) {
  auto killing = api->life.kill(engagement);
  co_await std::move(killing);
  api->kill_latch.persist(std::move(engagement));
}

// What a rule has caught is stopped as if an operator had done it.
void Daemon::engage(const Trip& trip, const std::string& why) {
  const Scope scope{trip.scope == TripScope::actor ? Scope::Kind::actor : Scope::Kind::tool, trip.name};
  const auto reason = trip.reason.empty() ? why : trip.reason;
  auto engagement = api_.kill_latch.engage(scope, "trip_rules", reason, std::chrono::system_clock::now());
  asio::co_spawn(executor_, kill_and_persist(&api_, std::move(engagement)), asio::detached);
  Subject subject;
  (trip.scope == TripScope::actor ? subject.actor : subject.tool) = trip.name;
  api_.operations.tell(EventKind::trip, subject, why + "; " + to_string(scope) + " is engaged: " + reason);
}

Daemon::~Daemon() {
  for (const auto& open : sockets_)
    if (!open->path.empty()) ::unlink(open->path.c_str());
}

awaitable<void> Daemon::start() {
  const auto& config = api_.catalog->config;
  if (const auto fault = unmet(api_, config.operations)) {
    throw KernelError("do as configured", options_.config_file + " " + fault->pointer, 0, fault->detail);
  }
  if (config.operations.metrics_listen) serve_scrapers(*config.operations.metrics_listen);
  api_.evidence.begin();
  api_.refusals.begin();
  co_await await_launcher(&api_.launcher);
  co_await api_.evidence.until_available(Clock::now() + ledger_patience);
  note_serving(api_);
  auto retaining = api_.retention.begin();
  co_await std::move(retaining);
  auto remembering = api_.authority.begin();
  co_await std::move(remembering);
  auto recovering = recover_jobs(&api_.journal, &api_.store, &api_.life, &api_.authority, &api_.tools, api_.catalog);
  const auto recovered = co_await std::move(recovering);
  for (const auto& lost : recovered.lost) {
    api_.operations.tell(EventKind::lost, lost.subject, lost.reason);
    api_.evidence.note(lost_record(lost.subject.job, {lost.subject.actor, lost.subject.tenant}, lost.reason));
  }
  api_.life.heed_kill_switch();
  api_.operations.tell(EventKind::started, {},
                       "cordond " CORDON_VERSION " serves; " + std::to_string(recovered.queued) + " jobs wait again, " +
                           std::to_string(recovered.lost.size()) + " are lost");
  api_.warm.configure(*api_.catalog);
  api_.egress.watch(grants_egress(*api_.catalog));
  asio::co_spawn(executor_, watch_launcher(), asio::detached);
  asio::co_spawn(executor_, watch_evidence(), asio::detached);
  serve("agent.sock", options_.agent_gid ? *options_.agent_gid : group_named(config.agent_group), Role::agent);
  serve("operator.sock", options_.operator_gid ? *options_.operator_gid : group_named(config.operator_group),
        Role::operator_);
}

Serving Daemon::shared() {
  rlimit files{};
  check(::getrlimit(RLIMIT_NOFILE, &files), "read the limit of open files");
  const auto& config = api_.catalog->config;
  return {&api_,
          &api_.connections,
          bodies_,
          {api_.operations.metrics, turns_, answers_},
          most_connections(config.max_connections, files.rlim_cur, config.max_running + api_.warm.most())};
}

void Daemon::serve(const std::string& name, gid_t group, Role role) {
  const Listener listener{options_.runtime_dir + "/" + name, group, role};
  const auto passed = passed_.find(name);
  const bool is_ours = passed == passed_.end();
  auto acceptor = is_ours ? listen_on(executor_, listener) : listen_on(executor_, std::move(passed->second));
  sockets_.push_back(std::make_unique<Open>(Open{is_ours ? listener.path : "", std::move(acceptor)}));
  asio::co_spawn(executor_, accept_connections(&sockets_.back()->acceptor, listener, shared()), asio::detached);
}

void Daemon::serve_scrapers(const LoopbackAddress& address) {
  scrapers_.emplace(listen_on(executor_, address));
  asio::co_spawn(executor_, accept_scrapers(&*scrapers_, shared()), asio::detached);
}

// What waits in the queue begins when the ledger can write again.
awaitable<void> Daemon::watch_evidence() {
  Waker waker(executor_);
  const Watch watch(api_.evidence.changes(), waker);
  for (bool well = !api_.evidence.unavailable();;) {
    co_await waker.sleep();
    const auto trouble = api_.evidence.unavailable();
    if (std::exchange(well, !trouble) == !trouble) continue;
    if (trouble) {
      api_.operations.tell(EventKind::evidence_failed, {}, trouble->detail);
    } else {
      api_.operations.tell(EventKind::evidence_back, {}, "the evidence can be written again");
      api_.life.start_what_may();
    }
  }
}

awaitable<void> Daemon::watch_launcher() {
  asio::steady_timer timer(executor_);
  for (;;) {
    co_await api_.launcher.until_gone();
    api_.operations.tell(EventKind::launcher_lost, {}, "cordon-launcher has gone, and with it every running job");
    while (!api_.launcher.is_there()) {
      timer.expires_after(launcher_look);
      co_await timer.async_wait(as_result);
      try {
        co_await api_.launcher.reach(Clock::now() + greeting_time);
      } catch (const std::exception&) {
        continue;  // it is still away; that was told
      }
    }
    api_.operations.tell(EventKind::launcher_back, {}, "cordon-launcher answers again");
    api_.life.start_what_may();
    api_.warm.launcher_is_back();
  }
}

awaitable<void> Daemon::say_the_last() {
  api_.journal.save_clock();
  api_.refusals.write_all();
  co_await api_.evidence.until_written(Clock::now() + last_patience);
  api_.refusals.write_all();  // of meanwhile: said to the ledger, which hears it without us
  const auto waiting = api_.evidence.standing().waiting;
  if (waiting > 0) log("evidence_unanswered", {{"records", std::to_string(waiting)}}, Priority::warning);
}

void Daemon::reload() {
  // What was wrong is in the log; the old profiles stay in force.
  [[maybe_unused]] const auto done = cordon::reload(api_, "SIGHUP");
}

}  // namespace cordon
