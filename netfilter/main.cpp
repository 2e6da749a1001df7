// cordon-egress: the only way from a sandbox to the network, for jobs whose profile grants names or addresses.
//
// Theory of operation. One thread, one io_context, no rights. A launcher brings a job: grants, synthetic addresses, and
// sockets that it made inside the job's sandbox (netfilter/egress_job.hpp); that connection's life is the job's.
//   proxy/control      names who connects, checks what a launcher brings, ends the job with its connection
//   proxy/dns_service  answers names with synthetic addresses from a table; forwards nothing
//   proxy/flow         one connection of a tool: hears its first words (tls/, http/), has them authorised (policy/),
//                      put on record (proxy/evidence), dials, relays (proxy/relay)
//   policy/authorise   the only door to proxy/dial, which takes nothing but its Permit
// cordond connects to the same socket, hands us a connection to cordon-ledger, and is told every decision and close
// (profiles/flow_record.hpp); while it is not there, nothing new is dialled. When this process dies, all flows of all
// jobs die, and no other job is touched.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <exception>

#include "netfilter/proxy/confine.hpp"
#include "netfilter/proxy/control.hpp"
#include "netfilter/proxy/ready.hpp"
#include "netfilter/proxy/sockets.hpp"

namespace {

using namespace cordon::egress;

struct Options {
  std::string socket = "/run/cordon/egress.sock";
  int listen_fd = -1;
  Peers peers;
  std::optional<std::uint32_t> uid, gid;
  std::vector<std::string> resolvers;
  int ready_fd = -1;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--socket", options.socket, "where launchers and cordond connect; made anew")->capture_default_str();
  app.add_option("--listen-fd", options.listen_fd, "that socket, made by who starts this (systemd: 3)");
  app.add_option("--watcher-uid", options.peers.watcher_uid, "the user of cordond, which has a ledger for us")
      ->required();
  app.add_option("--uid", options.uid, "the user to become, when started as root");
  app.add_option("--gid", options.gid, "its group");
  app.add_option("--resolver", options.resolvers, "IP[:PORT] of an upstream resolver, repeated")->required();
  app.add_option("--ready-fd", options.ready_fd, "gets one newline once jobs can be served");
  app.set_version_flag("--version", CORDON_VERSION);
}

std::optional<Identity> identity_of(const Options& options) {
  if (!options.uid && !options.gid) return std::nullopt;
  return Identity{options.uid.value_or(0), options.gid.value_or(0)};
}

int serve(const Options& options) {
  ::signal(SIGPIPE, SIG_IGN);
  if (options.peers.watcher_uid == options.peers.launcher_uid)
    throw std::runtime_error("--watcher-uid is the launcher's, 0");
  allow_many_files();
  const int listening = options.listen_fd >= 0 ? options.listen_fd : listen_at(options.socket);
  give_up_rights(identity_of(options));
  asio::io_context io(1);
  Resolver resolver(io, options.resolvers);
  Evidence evidence(io);
  Control control(io, listening, options.peers, resolver, evidence);
  asio::signal_set ends(io, SIGTERM, SIGINT);
  ends.async_wait([&io](error_code, int) { io.stop(); });
  (void)is_walled();  // whatever it says: what it asks with is open from now on
  control.start();
  announce_ready(options.ready_fd);
  confine();
  io.run();
  ::_exit(0);  // the kernel closes everything at once: every flow of every job
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"cordon-egress: named destinations for sandboxed jobs"};
  declare(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    return serve(options);
  } catch (const std::exception& e) {
    fmt::print(stderr, "cordon-egress: {}\n", e.what());
    return 1;
  }
}
