// cordond: decides, and never enforces.
//
// Theory of operation. One thread, one io_context; every connection and every job is a coroutine on it.
//   http/      A connection on agent.sock or operator.sock is named by the kernel at accept (identity). Its requests
//              pass framing, the Beast parser, the route table, and a handler, which answers a value.
//   jobs/      A body becomes a JobRequest (form), then a JobOrder (possible under a profile and an image), then a Job.
//              JobLife queues it by admission/; its lifeline is a SEQPACKET socket to cordon-launcher, with the order
//              in sealed memfds. What comes back fills the Job: output, facts, artifacts, the ending. Outcome judges.
//   waker      Whoever waits (wait:true, long poll, events) sleeps on a Waker that the job and the client ring.
// This process has no capability and no exec, and holds no power over a sandbox but to close its socket. When it dies,
// all its lifelines close and all its sandboxes die with them.
//
// Start: refuse privileges, load everything, greet the launcher (which answers when nothing of a former cordond is
// alive), listen, say ready. SIGHUP loads configuration and profiles anew, all or nothing. SIGTERM and SIGINT end it.
#include <malloc.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstring>
#include <exception>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/ready.hpp"
#include "supervisor/daemon.hpp"
#include "supervisor/passed_sockets.hpp"
#include "supervisor/privileges.hpp"
#include "supervisor/text/log.hpp"

namespace {

using namespace cordon;

struct Options {
  DaemonOptions daemon{"/run/cordon", "/var/lib/cordon", "/etc/cordon/cordon.json", {}, {}};
  int ready_fd = -1;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--runtime-dir", options.daemon.runtime_dir, "where the sockets are")->capture_default_str();
  app.add_option("--state-dir", options.daemon.state_dir, "where artifacts are kept")->capture_default_str();
  app.add_option("--config", options.daemon.config_file, "the configuration file")->capture_default_str();
  app.add_option("--agent-gid", options.daemon.agent_gid, "the group of agent.sock, instead of the configured name");
  app.add_option("--operator-gid", options.daemon.operator_gid, "the group of operator.sock, likewise");
  app.add_option("--ready-fd", options.ready_fd, "a newline is written here when requests are served");
  app.set_version_flag("--version", CORDON_VERSION);
}

// A running job needs four descriptors, a waiting client one. With fewer we serve fewer, but serve.
void allow_many_files() {
  rlimit limit{};
  check(::getrlimit(RLIMIT_NOFILE, &limit), "read the limit of open files");
  if (limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) < 0) log("few_open_files", {{"error", std::strerror(errno)}});
}

// What a job needs is needed by the next: given back to the kernel it costs a page fault each (mallopt(3)).
void keep_freed_memory() {
  constexpr int kept = 64 << 20;
  ::mallopt(M_TRIM_THRESHOLD, kept);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

CatalogPtr load_or_throw(const std::string& file) {
  auto catalog = load_catalog(file);
  if (catalog) return *catalog;
  const auto& fault = catalog.error();
  const auto first = fault.errors.empty() ? FieldError{} : fault.errors.front();
  throw KernelError("load", fault.file + " " + first.pointer, 0, first.detail);
}

awaitable<void> heed_reloads(Daemon* daemon) {
  const auto executor = co_await asio::this_coro::executor;
  asio::signal_set hang_ups(executor, SIGHUP);
  for (;;) {
    co_await hang_ups.async_wait(asio::use_awaitable);
    daemon->reload();
  }
}

// From the loop itself: when that stands still, so does this, and systemd begins anew.
awaitable<void> feed_watchdog(std::chrono::microseconds every) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(every);
    co_await timer.async_wait(asio::use_awaitable);
    notify_systemd("WATCHDOG=1");
  }
}

int serve(const Options& options) {
  refuse_privileges();
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file that cannot grow is an error to be told, not an end
  keep_freed_memory();
  allow_many_files();
  const auto catalog = load_or_throw(options.daemon.config_file);
  asio::io_context io(1);
  Daemon daemon(io, options.daemon, catalog, take_passed_sockets());
  asio::signal_set ends(io, SIGTERM, SIGINT);
  ends.async_wait([&](boost::system::error_code, int) {
    asio::co_spawn(io, daemon.say_the_last(), [&io](const std::exception_ptr&) { io.stop(); });
  });
  asio::co_spawn(io, heed_reloads(&daemon), asio::detached);
  if (const auto patience = watchdog_time()) asio::co_spawn(io, feed_watchdog(*patience / 3), asio::detached);
  asio::co_spawn(io, daemon.start(), [&options](const std::exception_ptr& failed) {
    if (failed) std::rethrow_exception(failed);
    announce_ready(options.ready_fd);
    log("ready", {{"runtime_dir", options.daemon.runtime_dir}});
  });
  io.run();
  log("stopped", {});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"cordond: the supervisor of sandboxed jobs"};
  declare(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    return serve(options);
  } catch (const std::exception& e) {
    log("failed", {{"error", e.what()}});
    return 1;
  }
}
