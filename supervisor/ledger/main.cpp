// cordon-ledger: the only writer of the evidence.
//
// Theory of operation. cordond and the launcher each say on a socket of their own what is to stay on the record:
// cordond what was decided and what became of it, the launcher what it saw itself of every job. The peer's uid says who
// it is; neither can say what is the other's to say. cordon-egress, which may open no such socket, says what it lets
// out on a connection that cordond opened for nothing else and handed to it. What came together is appended with one
// write(2) (server, store), then answered: an answer means that the entry survives the end of this process. Entries are
// the leaves of a Merkle tree (RFC 6962); once a second what is new is brought to the disk and the tree's root signed
// (syncer; C2SP tlog-checkpoint).
//
// A user of its own, no capability, a system-call filter; it parses no JSON of others and opens no connection. Its
// files are for it to write and for operators to read: `cordon evidence verify` needs nothing of this process.
#include <fmt/format.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/ready.hpp"
#include "sandbox/witness.hpp"
#include "supervisor/ledger/confinement.hpp"
#include "supervisor/ledger/server.hpp"
#include "supervisor/privileges.hpp"

namespace {

using namespace cordon;

struct Options {
  std::string runtime_dir = "/run/cordon", state_dir = "/var/lib/cordon", origin;
  std::uint32_t daemon_uid = 0;
  std::string daemon_user;
  std::uint64_t keep_hours = 24;
  ledger::StoreLimits limits;
  int ready_fd = -1;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--runtime-dir", options.runtime_dir, "its sockets are in ledger/ of it")->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "the evidence is in ledger/ of it")->capture_default_str();
  auto* uid = app.add_option("--daemon-uid", options.daemon_uid, "who cordond is");
  app.add_option("--daemon-user", options.daemon_user, "the same, by name")->excludes(uid);
  app.add_option("--origin", options.origin,
                 "the name of this log; default: cordon/HOSTNAME. Of use at the first start");
  app.add_option("--segment-bytes", options.limits.segment_bytes, "a file is not made larger than about this")
      ->check(CLI::Range(std::uint64_t{4096}, std::uint64_t{1} << 30))
      ->capture_default_str();
  app.add_option("--retain-bytes", options.limits.retain_bytes, "beyond this the oldest file is deleted")
      ->check(CLI::Range(std::uint64_t{8192}, std::uint64_t{1} << 50))
      ->capture_default_str();
  app.add_option("--keep-hours", options.keep_hours, "but none that was written to within so many hours")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--ready-fd", options.ready_fd, "gets one newline once it listens");
  app.set_version_flag("--version", CORDON_VERSION);
}

std::uint32_t daemon_uid(const Options& options) {
  if (options.daemon_user.empty()) return options.daemon_uid;
  const auto* entry = ::getpwnam(options.daemon_user.c_str());
  if (entry == nullptr)
    throw KernelError("find the user", options.daemon_user, ENOENT, "--daemon-user NAME: cordond's");
  return entry->pw_uid;
}

std::string origin_of(const Options& options) {
  auto origin = options.origin;
  if (origin.empty()) {
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    origin = std::string("cordon/") + host;
  }
  if (!is_note_name(origin))
    throw KernelError("call this log", origin, EINVAL, "--origin NAME: visible ASCII without spaces and '+'");
  return origin;
}

Fd block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  check(::sigprocmask(SIG_BLOCK, &set, nullptr), "block signals");
  return Fd(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "make a signalfd"));
}

EvidenceRecord opened(const ledger::Found& found) {
  EvidenceRecord record{EvidenceKind::opened, {}};
  record.put("version", std::string(CORDON_VERSION)).put("entries", found.size);
  return record.put("unsigned", found.unsigned_tail).put("torn_bytes", found.torn_bytes);
}

void run(const Options& options) {
  refuse_privileges();
  if (::sodium_init() < 0) throw KernelError("begin", "libsodium", EIO);
  ::umask(0027);
  auto signals = block_signals();
  const auto directory = options.state_dir + "/ledger";
  ledger::Store store(directory, origin_of(options), options.limits);
  ledger::Syncer syncer(directory, store.signer());
  ledger::Listeners listeners{ledger::listen_at(options.runtime_dir + ledger_socket_name, 0666),
                              ledger::listen_at(options.runtime_dir + witness::socket_name, 0600), daemon_uid(options)};
  store.append({opened(store.found())});
  announce_ready(options.ready_fd);
#ifndef __SANITIZE_ADDRESS__  // which makes calls of its own
  ledger::confine();
#endif
  fmt::print(stderr, "cordon-ledger: {} entries; its key is {}\n", store.tree().size(),
             store.signer().verifier().text());
  ledger::Server server(store, syncer, std::move(listeners), std::move(signals));
  server.serve();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"cordon-ledger: keeps the evidence"};
  declare(app, options);
  CLI11_PARSE(app, argc, argv);
  options.limits.keep_at_least = std::chrono::hours(options.keep_hours);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file that cannot grow is an error to be told, not an end
  try {
    run(options);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "cordon-ledger: {}\n", e.what());
    return 1;
  }
}
