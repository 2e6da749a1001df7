#include "supervisor/daemon.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "sandbox/kernel/check.hpp"
#include "supervisor/jobs/recovery.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr auto launcher_patience = std::chrono::seconds(60);
constexpr auto launcher_pause = std::chrono::milliseconds(100);  // no event says that a socket has come to be
constexpr std::size_t bodies_in_flight = std::size_t{256} << 20;

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
  constexpr std::int64_t day_s = 24 * 60 * 60;
  return {config.retain_jobs, config.retain_bytes, config.retain_days * day_s};
}

bool may_still_come(int error) {
  return error == ENOENT || error == ECONNREFUSED;
}

awaitable<void> await_launcher(Launcher* launcher) {
  const auto executor = co_await asio::this_coro::executor;
  const auto deadline = Clock::now() + launcher_patience;
  asio::steady_timer timer(executor);
  for (bool said = false;; said = true) {
    try {
      co_await launcher->reach(deadline);
      co_return;
    } catch (const KernelError& e) {
      if (!may_still_come(e.error) || Clock::now() > deadline) throw;
      if (!said) log("waiting_for_launcher", {{"socket", launcher->socket_path()}, {"error", e.what()}});
    }
    timer.expires_after(launcher_pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

Daemon::Daemon(asio::io_context& io, DaemonOptions options, CatalogPtr catalog)
    : executor_(io.get_executor()),
      options_(std::move(options)),
      lock_(lock_state(options_.state_dir)),
      api_{options_.config_file,
           std::move(catalog),
           {},
           ArtifactStore(options_.state_dir + "/daemon/artifacts"),
           Journal(executor_, options_.state_dir + "/daemon/journal.db"),
           JobStore(api_.journal, api_.artifacts),
           Retention(executor_, api_.journal, api_.store, api_.artifacts,
                     [this] { return retention_limits(api_.catalog->config); }),
           Launcher(options_.runtime_dir + "/launcher.sock"),
           KillLatch(options_.state_dir + "/daemon/kill.json", {options_.runtime_dir, options_.state_dir},
                     api_.launcher),
           JobLife(executor_, api_.launcher, api_.artifacts, api_.store, api_.journal, api_.retention, api_.kill_latch,
                   [this]() -> const Config& { return api_.catalog->config; })},
      budget_(bodies_in_flight) {}

Daemon::~Daemon() {
  for (const auto& open : sockets_) ::unlink(open->path.c_str());
}

awaitable<void> Daemon::start() {
  co_await await_launcher(&api_.launcher);
  auto retaining = api_.retention.begin();
  co_await std::move(retaining);
  auto recovering = recover_jobs(&api_.journal, &api_.store, &api_.life, api_.catalog);
  const auto recovered = co_await std::move(recovering);
  log("recovered", {{"queued", std::to_string(recovered.queued)}, {"lost", std::to_string(recovered.lost)}});
  api_.life.heed_kill_switch();
  const auto& config = api_.catalog->config;
  serve("agent.sock", options_.agent_gid ? *options_.agent_gid : group_named(config.agent_group), Role::agent);
  serve("operator.sock", options_.operator_gid ? *options_.operator_gid : group_named(config.operator_group),
        Role::operator_);
}

void Daemon::serve(const std::string& name, gid_t group, Role role) {
  const Listener listener{options_.runtime_dir + "/" + name, group, role};
  sockets_.push_back(std::make_unique<Open>(Open{listener.path, listen_on(executor_, listener)}));
  asio::co_spawn(executor_, accept_connections(&sockets_.back()->acceptor, listener, &api_, counts_, budget_),
                 asio::detached);
}

void Daemon::reload() {
  // What was wrong is in the log; the old profiles stay in force.
  [[maybe_unused]] const auto done = cordon::reload(api_);
}

}  // namespace cordon
