#include "tests/egress/proxy.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "tests/egress/loopback_wall.hpp"

namespace cordon::egress_test {

namespace {

constexpr std::uint32_t watcher_uid = 61001;

Fd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "open a socket"));
  check(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect to", path);
  return socket;
}

Fd bound(int type, Ipv4 address, std::uint16_t port) {
  Fd socket(check(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "open a socket"));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(address);
  check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), "bind port", std::to_string(port));
  if (type == SOCK_STREAM) check(::listen(socket.get(), 4096), "listen");
  return socket;
}

std::optional<EgressAnswer> answer_on(const Fd& connection) {
  pollfd wanted{connection.get(), POLLIN, 0};
  if (::poll(&wanted, 1, 10'000) != 1) return std::nullopt;
  const auto message = receive_message(connection.get(), 64, 0);
  return message ? decode_egress_answer(message->bytes) : std::nullopt;
}

}  // namespace

Watcher::Watcher(const std::string& socket, Manner manner, Asked asked) : manner_(manner), asked_(asked) {
  check(::seteuid(watcher_uid), "become the watcher");
  socket_ = connect_to(socket);
  check(::seteuid(0), "become root again");
  if (asked == Asked::ledger) lend_ledger();
  thread_ = std::thread([this] { listen(); });
}

Watcher::~Watcher() {
  ::shutdown(socket_.get(), SHUT_RDWR);
  thread_.join();
  lose_ledger();
}

void Watcher::lend_ledger() {
  lose_ledger();
  int ends[2];
  check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "make a pair of sockets");
  ledger_ = Fd(ends[0]);
  const Fd lent(ends[1]);
  send_message(socket_.get(), encode(WatcherMessage{LedgerComes{}}), {lent.get()});
  ledger_thread_ = std::thread([this] { be_ledger(); });
}

void Watcher::lose_ledger() {
  if (ledger_) ::shutdown(ledger_.get(), SHUT_RDWR);
  if (ledger_thread_.joinable()) ledger_thread_.join();
  ledger_.reset();
}

void Watcher::say_as_ledger(const WatcherMessage& message) {
  send_message(ledger_.get(), encode(message));
}

void Watcher::say(const WatcherMessage& message) {
  send_message(socket_.get(), encode(message));
}

void Watcher::be_ledger() {
  for (;;) {
    std::optional<ReceivedMessage> message;
    try {
      message = receive_message(ledger_.get(), max_flow_record, 0);
    } catch (const KernelError&) {
      return;
    }
    if (!message || message->bytes.empty()) return;
    const auto asked = decode_flow_to_write(message->bytes);
    if (!asked) std::abort();  // it never says what we cannot read
    {
      const std::lock_guard lock(mutex_);
      written_.push_back(*asked);
    }
    changed_.notify_all();
    if (manner_ != Manner::is_silent)
      say_as_ledger(EvidenceWritten{asked->decided.sequence, manner_ == Manner::writes});
  }
}

std::vector<FlowToWrite> Watcher::wait_for_asked(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(10), [&] { return written_.size() >= count; });
  return written_;
}

void Watcher::listen() {
  for (;;) {
    std::optional<ReceivedMessage> message;
    try {
      message = receive_message(socket_.get(), max_flow_record, 0);
    } catch (const KernelError&) {
      return;
    }
    if (!message || message->bytes.empty()) return;
    const auto record = decode_flow_record(message->bytes);
    if (!record) std::abort();  // it never says what we cannot read
    {
      const std::lock_guard lock(mutex_);
      records_.push_back(*record);
    }
    changed_.notify_all();
    const auto* decided = std::get_if<FlowDecided>(&*record);
    if (decided == nullptr || decided->sequence == 0 || manner_ == Manner::is_silent) continue;
    const EvidenceWritten written{decided->sequence, asked_ == Asked::cordond && manner_ == Manner::writes};
    send_message(socket_.get(), encode(WatcherMessage{written}));
  }
}

EgressFigures Watcher::figures() {
  const auto before = all<EgressFigures>().size();
  send_message(socket_.get(), encode(WatcherMessage{AskFigures{}}));
  return wait_for<EgressFigures>(before + 1).back();
}

void Watcher::revoke(const std::string& job) {
  send_message(socket_.get(), encode(WatcherMessage{RevokeEgress{{job}}}));
}

void Watcher::forget() {
  const std::lock_guard lock(mutex_);
  records_.clear();
}

Proxy::Proxy(World& world, Watcher::Manner manner, Watcher::Asked asked)
    : world_(world), socket_(world.directory() + "/egress.sock") {
  raise_wall(world, egress_uid);
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC), "make a pipe");
  const Fd ready(ends[0]);
  Fd tells(ends[1]);
  process_ = std::make_unique<Child>(
      world.host(),
      std::vector<std::string>{CORDON_BIN_DIR "/cordon-egress", "--socket", socket_, "--watcher-uid",
                               std::to_string(watcher_uid), "--uid", std::to_string(egress_uid), "--gid",
                               std::to_string(egress_uid), "--resolver", resolver_address, "--ready-fd",
                               std::to_string(tells.get())},
      -1, -1, tells.get());
  tells.reset();
  char newline = 0;
  if (::read(ready.get(), &newline, 1) != 1) throw std::runtime_error("cordon-egress did not become ready");
  watcher_ = std::make_unique<Watcher>(socket_, manner, asked);
}

std::vector<Fd> Proxy::sockets_for(const EgressJob& job) {
  const Within there(world_.sandbox());
  std::vector<Fd> fds;
  fds.push_back(bound(SOCK_DGRAM, job.resolver, 53));
  fds.push_back(bound(SOCK_STREAM, job.resolver, 53));
  for (const auto port : ports_of(job.grants)) fds.push_back(bound(SOCK_STREAM, INADDR_ANY, port));
  return fds;
}

OpenJob Proxy::open_with(std::string_view message, const std::vector<Fd>& fds) {
  auto connection = connect_to(socket_);
  std::vector<int> raw;
  for (const auto& fd : fds) raw.push_back(fd.get());
  try {
    send_message(connection.get(), message, raw);
  } catch (const KernelError& e) {
    if (e.error != EPIPE) throw;  // who is not heard may find that before it has spoken
  }
  auto answer = answer_on(connection);
  return {std::move(connection), answer};
}

OpenJob Proxy::open(const EgressJob& job) {
  return open_with(encode(job), sockets_for(job));
}

EgressGrant grant(const std::string& name_or_network, std::vector<std::uint16_t> ports, EgressMode mode) {
  EgressGrant out;
  if (const auto network = parse_ipv4_network(name_or_network))
    out.network = *network;
  else
    out.name = name_or_network;
  out.ports = std::move(ports);
  out.mode = mode;
  out.budget.connections_per_second = 1000;
  out.budget.max_connections = 1024;
  return out;
}

EgressJob job_of(EgressGrants grants, const std::string& id) {
  EgressJob job;
  job.id = id;
  job.grants = std::move(grants);
  job.owner = {"uid:1", "tenant", "", "web"};
  job.limits.connections_per_second = 1000;
  job.limits.queries_per_second = 10'000;
  job.limits.max_connections = 1024;
  assign_synthetic_addresses(job);
  return job;
}

}  // namespace cordon::egress_test
