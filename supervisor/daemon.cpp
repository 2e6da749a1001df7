#include "supervisor/daemon.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "sandbox/kernel/check.hpp"
#include "supervisor/jobs/lifeline.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr auto launcher_patience = std::chrono::seconds(60);
constexpr auto launcher_pause = std::chrono::milliseconds(100);  // no event says that a socket has come to be
constexpr auto launcher_look = std::chrono::milliseconds(500);  // likewise, for one that has gone
constexpr auto greeting_time = std::chrono::seconds(5);
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

bool may_still_come(int error) {
  return error == ENOENT || error == ECONNREFUSED;
}

awaitable<Greeting> await_launcher(std::string path) {
  const auto executor = co_await asio::this_coro::executor;
  const auto deadline = Clock::now() + launcher_patience;
  asio::steady_timer timer(executor);
  for (bool said = false;; said = true) {
    try {
      co_return co_await greet_launcher(path, deadline);
    } catch (const KernelError& e) {
      if (!may_still_come(e.error) || Clock::now() > deadline) throw;
      if (!said) log("waiting_for_launcher", {{"socket", path}, {"error", e.what()}});
    }
    timer.expires_after(launcher_pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

awaitable<void> until_closed(std::shared_ptr<LauncherSocket> line) {
  try {
    co_await line->receive();  // it says nothing more
  } catch (const std::exception& e) {
    log("launcher_line_failed", {{"error", e.what()}}, Priority::warning);
  }
}

awaitable<std::optional<Greeting>> try_to_greet(std::string path) {
  try {
    auto greeting = greet_launcher(path, Clock::now() + greeting_time);
    co_return co_await std::move(greeting);
  } catch (const std::exception&) {
    co_return std::nullopt;  // it is still away; that was told
  }
}

}  // namespace

Daemon::Daemon(asio::io_context& io, DaemonOptions options, CatalogPtr catalog)
    : executor_(io.get_executor()),
      options_(std::move(options)),
      lock_(lock_state(options_.state_dir)),
      api_{options_.config_file,
           options_.runtime_dir + "/launcher.sock",
           std::move(catalog),
           {},
           ArtifactStore(options_.state_dir + "/daemon/artifacts"),
           {},
           JobLife(executor_, options_.runtime_dir + "/launcher.sock", api_.artifacts, api_.store,
                   [this]() -> const Config& { return api_.catalog->config; },
                   [this](const Job& job) { api_.operations.job_ended(job); }),
           {},
           {},
           {}},
      bodies_(bodies_in_flight),
      answers_(answers_in_flight),
      turns_(executor_) {
  api_.operations.configure(api_.catalog->config.operations);
}

Daemon::~Daemon() {
  for (const auto& open : sockets_) ::unlink(open->path.c_str());
}

awaitable<void> Daemon::start() {
  const auto& config = api_.catalog->config;
  if (const auto fault = unmet(api_, config.operations)) {
    throw KernelError("do as configured", options_.config_file + " " + fault->pointer, 0, fault->detail);
  }
  if (config.operations.metrics_listen) serve_scrapers(*config.operations.metrics_listen);
  auto greeting = await_launcher(api_.launcher_socket);
  api_.launcher = co_await std::move(greeting);
  api_.operations.tell(EventKind::started, {}, "cordond " CORDON_VERSION " serves");
  asio::co_spawn(executor_, watch_launcher(), asio::detached);
  serve("agent.sock", options_.agent_gid ? *options_.agent_gid : group_named(config.agent_group), Role::agent);
  serve("operator.sock", options_.operator_gid ? *options_.operator_gid : group_named(config.operator_group),
        Role::operator_);
}

Shared Daemon::shared() {
  rlimit files{};
  check(::getrlimit(RLIMIT_NOFILE, &files), "read the limit of open files");
  const auto& config = api_.catalog->config;
  return {&api_, &api_.connections, bodies_, {api_.operations.metrics, turns_, answers_},
          most_connections(config.max_connections, files.rlim_cur, config.max_running)};
}

void Daemon::serve(const std::string& name, gid_t group, Role role) {
  const Listener listener{options_.runtime_dir + "/" + name, group, role};
  sockets_.push_back(std::make_unique<Open>(Open{listener.path, listen_on(executor_, listener)}));
  asio::co_spawn(executor_, accept_connections(&sockets_.back()->acceptor, listener, shared()), asio::detached);
}

void Daemon::serve_scrapers(const LoopbackAddress& address) {
  scrapers_.emplace(listen_on(executor_, address));
  asio::co_spawn(executor_, accept_scrapers(&*scrapers_, shared()), asio::detached);
}

// The connection of the last greeting closes when the launcher goes.
awaitable<void> Daemon::watch_launcher() {
  asio::steady_timer timer(executor_);
  for (;;) {
    const auto line = api_.launcher.line;
    auto closing = until_closed(line);
    co_await std::move(closing);
    api_.operations.tell(EventKind::launcher_lost, {}, "cordon-launcher has gone, and with it every running job");
    while (!api_.launcher.line->is_open()) {
      timer.expires_after(launcher_look);
      co_await timer.async_wait(as_result);
      auto greeting = try_to_greet(api_.launcher_socket);
      auto answer = co_await std::move(greeting);
      if (answer) api_.launcher = std::move(*answer);
    }
    api_.operations.tell(EventKind::launcher_back, {}, "cordon-launcher answers again");
  }
}

void Daemon::reload() {
  // What was wrong is in the log; the old profiles stay in force.
  [[maybe_unused]] const auto done = cordon::reload(api_);
}

}  // namespace cordon
