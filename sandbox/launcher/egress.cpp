#include "sandbox/launcher/egress.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/kernel/mount.hpp"
#include "sandbox/kernel/network.hpp"
#include "sandbox/launcher/egress_wall.hpp"

namespace cordon {

namespace {

constexpr std::uint16_t dns = 53;
constexpr timeval answer_patience{2, 0};
constexpr const char* remedy = "start cordon-egress, or use a profile without \"egress\"; cordon doctor says more";

// The kernel's files of the network namespace that this process is in (proc(5), proc_sys), in a procfs of our own: a
// service manager may have made the host's read-only.
void set_and_read_back(const Fd& proc, Facts& facts, const char* control, const std::string& name,
                       std::string_view value) {
  const auto path = "sys/net/" + name;
  auto found = write_and_read_back(proc.get(), path, value);
  while (!found.empty() && found.back() == '\n') found.pop_back();
  if (found != value) throw KernelError("read back", path, ENOTRECOVERABLE, "this kernel does not keep what was set");
  facts.emplace_back(control, found);
}

// Between a tool and cordon-egress nothing is ever lost: the host's choice for far networks (which may pace what is
// sent, as bbr does) would only hold back what is handed on. Of the namespace's sockets that come after this.
void set_up_loopback(const Fd& proc) {
  write_file(proc.get(), "sys/net/ipv4/tcp_congestion_control", "reno");
  Loopback().allow_large_packets();
}

std::vector<Ipv4Network> networks_of(const EgressJob& job) {
  std::vector<Ipv4Network> networks{synthetic_network};
  for (const auto& grant : job.grants)
    if (grant.name.empty() && std::find(networks.begin(), networks.end(), grant.network) == networks.end())
      networks.push_back(grant.network);
  return networks;
}

// Routes, name resolution and one listener for each port; what is not granted stays unreachable or refused.
std::vector<Fd> open_sockets(const EgressJob& job, Facts& facts) {
  const Loopback loopback;
  for (const auto& network : networks_of(job)) loopback.add_route(network);
  std::vector<Fd> sockets;
  sockets.push_back(bind_udp(job.resolver, dns));
  sockets.push_back(listen_tcp(job.resolver, dns));
  const auto ports = ports_of(job.grants);
  for (const auto port : ports) {
    sockets.push_back(listen_tcp(0, port));
    if (!is_listening_at(sockets.back(), 0, port))
      throw KernelError("read back", fmt::format("the listener of port {}", port), ENOTRECOVERABLE);
  }
  facts.emplace_back("egress.ports", fmt::format("{}", fmt::join(ports, " ")));
  facts.emplace_back("egress.resolver", fmt::format("{}:{}", to_text(job.resolver), dns));
  return sockets;
}

Fd connect_to(const EgressPlace& place) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (place.socket.size() >= sizeof address.sun_path)
    throw KernelError("connect to cordon-egress at", place.socket, ENAMETOOLONG, "use a shorter --runtime-dir");
  std::memcpy(address.sun_path, place.socket.data(), place.socket.size());
  Fd line(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "open a socket to cordon-egress"));
  for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO})
    check(::setsockopt(line.get(), SOL_SOCKET, direction, &answer_patience, sizeof answer_patience), "set a timeout");
  if (::connect(line.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    throw KernelError("connect to cordon-egress at", place.socket, errno, remedy);
  return line;
}

// Who listens is who it was when it began to (unix(7), SO_PEERCRED): root that then became cordon-egress, or its user.
pid_t expect_peer(const Fd& line, const EgressPlace& place) {
  ucred peer{};
  socklen_t size = sizeof peer;
  check(::getsockopt(line.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), "identify", "cordon-egress");
  if (peer.uid != place.uid && peer.uid != 0)
    throw KernelError("identify cordon-egress", fmt::format("uid {} where {} should be", peer.uid, place.uid), EPERM,
                      "something else listens there: find out what");
  return peer.pid;
}

// Where cordon-egress dials: this process may have a network of its own (systemd.exec(5), PrivateNetwork=).
void expect_wall_where(pid_t it_dials, std::uint32_t uid, std::uint16_t granted_port, Facts& facts) {
  OtherNetwork there(it_dials);
  expect_wall(uid, granted_port, facts);
  there.leave();
}

void hand_over(const Fd& line, const EgressJob& job, const std::vector<Fd>& sockets) {
  std::vector<int> fds;
  fds.reserve(sockets.size());
  for (const auto& socket : sockets) fds.push_back(socket.get());
  if (!send_message(line.get(), encode(job), fds))
    throw KernelError("hand the job to cordon-egress", "in 2 s", ETIMEDOUT, "cordon-egress hangs: restart it");
}

void expect_taken(const Fd& line) {
  const auto received = receive_message(line.get(), max_egress_message, 0);
  if (!received) throw KernelError("hear from cordon-egress", "in 2 s", ETIMEDOUT, "cordon-egress hangs: restart it");
  const auto answer = decode_egress_answer(received->bytes);
  if (!answer) throw KernelError("hear from cordon-egress", "an answer", EBADMSG, remedy);
  if (answer->refusal != EgressRefusal::none)
    throw KernelError("hand the job to cordon-egress", to_string(answer->refusal), ECONNREFUSED, remedy);
}

std::uint64_t sum_of(const EgressGrants& grants, std::uint64_t most, auto figure) {
  std::uint64_t sum = 0;
  for (const auto& grant : grants) sum = std::min<std::uint64_t>(most, sum + figure(grant.budget));
  return sum;
}

}  // namespace

EgressJob egress_job_of(const JobSpec& job, bool private_egress) {
  EgressJob out;
  out.id = job.id;
  out.generation = job.generation;
  out.grants = job.egress;
  out.private_egress = private_egress;
  out.owner = job.owner;
  auto& limits = out.limits;
  const auto& grants = job.egress;
  limits.max_bytes_up = sum_of(grants, max_egress_bytes, [](const auto& b) { return b.max_bytes_up; });
  limits.max_bytes_down = sum_of(grants, max_egress_bytes, [](const auto& b) { return b.max_bytes_down; });
  limits.max_connections = static_cast<std::uint32_t>(
      sum_of(grants, max_egress_connections, [](const auto& b) { return b.max_connections; }));
  limits.connections_per_second = static_cast<std::uint32_t>(
      sum_of(grants, max_egress_connections, [](const auto& b) { return b.connections_per_second; }));
  assign_synthetic_addresses(out);
  return out;
}

EgressNetwork::EgressNetwork(pid_t init)
    : proc_(new_mount("proc", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)) {
  OtherNetwork inside(init);
  set_and_read_back(proc_, facts_, "egress.icmp_echo_ignore_all", "ipv4/icmp_echo_ignore_all", "1");
  set_and_read_back(proc_, facts_, "egress.disable_ipv6", "ipv6/conf/default/disable_ipv6", "1");
  set_up_loopback(proc_);
  inside.leave();
}

Egress::Egress(const EgressPlace& place, const JobSpec& job, bool private_egress, pid_t init)
    : uid_(place.uid), port_(ports_of(job.egress).front()) {
  if (place.uid == 0)
    throw KernelError("open the job's egress", "there is no user for cordon-egress", ENOENT,
                      "systemd-sysusers makes it (cordon.json: egress.user); then restart the launcher");
  line_ = connect_to(place);
  it_ = expect_peer(line_, place);
  const auto told = egress_job_of(job, private_egress);
  OtherNetwork inside(init);
  hand_over(line_, told, open_sockets(told, facts_));
  inside.leave();
  for (std::size_t i = 0; i < job.egress.size(); ++i)
    facts_.emplace_back(fmt::format("egress.grant.{}", i),
                        fmt::format("{} {} {}", to_text(job.egress[i]), fmt::join(job.egress[i].ports, ","),
                                    egress_modes[static_cast<std::size_t>(job.egress[i].mode)]));
}

Facts Egress::expect_served() {
  expect_wall_where(it_, uid_, port_, facts_);
  expect_taken(line_);
  return std::move(facts_);
}

void Egress::end(std::chrono::milliseconds patience) noexcept {
  if (!line_) return;
  ::shutdown(line_.get(), SHUT_WR);
  pollfd closed{line_.get(), POLLIN | POLLRDHUP, 0};
  (void)::poll(&closed, 1, static_cast<int>(patience.count()));
  line_.reset();
}

}  // namespace cordon
