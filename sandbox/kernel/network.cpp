#include "sandbox/kernel/network.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "sandbox/kernel/check.hpp"

namespace cordon {

namespace {

constexpr std::uint32_t loopback_index = 1;  // of every network namespace
constexpr int backlog = 128;
constexpr std::uint32_t most_of_a_packet =
    8 * 65535;                                    // bytes; the most that loopback takes (netdevice.h, GSO_MAX_SIZE)
constexpr unsigned short gso_ipv4_max_size = 63;  // if_link.h, IFLA_GSO_IPV4_MAX_SIZE, which Debian 12 has not yet

Fd open_network(const std::string& of) {
  const auto path = "/proc/" + of + "/ns/net";
  return Fd(check(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open", path));
}

struct RouteRequest {
  nlmsghdr header;
  rtmsg route;
  rtattr to_header;
  std::uint32_t to;
  rtattr device_header;
  std::uint32_t device;
};

RouteRequest local_route(Ipv4Network network) {
  RouteRequest request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  request.route.rtm_family = AF_INET;
  request.route.rtm_dst_len = network.prefix;
  request.route.rtm_table = RT_TABLE_LOCAL;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_HOST;
  request.route.rtm_type = RTN_LOCAL;
  request.to_header = {RTA_LENGTH(sizeof request.to), RTA_DST};
  request.to = htonl(network.address);
  request.device_header = {RTA_LENGTH(sizeof request.device), RTA_OIF};
  request.device = loopback_index;
  return request;
}

struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
  rtattr size_header;
  std::uint32_t size;
};

LinkRequest large_packets() {
  LinkRequest request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_SETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = static_cast<int>(loopback_index);
  request.size_header = {RTA_LENGTH(sizeof request.size), gso_ipv4_max_size};
  request.size = most_of_a_packet;
  return request;
}

// What the kernel answers: 0, or an errno.
template <typename Request>
int ask(const Fd& socket, const Request& request, const std::string& what) {
  check(::send(socket.get(), &request, sizeof request, 0), "ask for", what);
  alignas(nlmsghdr) char answer[512];
  const auto size = check(::recv(socket.get(), answer, sizeof answer, 0), "hear of", what);
  nlmsghdr header{};
  nlmsgerr result{};
  if (static_cast<std::size_t>(size) < sizeof header + sizeof result) throw KernelError("hear of", what, EBADMSG);
  std::memcpy(&header, answer, sizeof header);
  std::memcpy(&result, answer + sizeof header, sizeof result);
  if (header.nlmsg_type != NLMSG_ERROR) throw KernelError("hear of", what, EBADMSG);
  return -result.error;
}

sockaddr_in to_sockaddr(Ipv4 address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(address);
  out.sin_port = htons(port);
  return out;
}

Fd bind_socket(int type, Ipv4 address, std::uint16_t port) {
  Fd socket(check(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "open a socket for egress"));
  const auto at = to_sockaddr(address, port);
  check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind for egress",
        to_text(address) + ":" + std::to_string(port));
  return socket;
}

}  // namespace

OtherNetwork::OtherNetwork(pid_t of) : home_(open_network("self")) {
  const auto there = open_network(std::to_string(of));
  check(::setns(there.get(), CLONE_NEWNET), "enter the network namespace of", std::to_string(of));
}

void OtherNetwork::leave() {
  check(::setns(home_.get(), CLONE_NEWNET), "come back from", "another network");
  left_ = true;
}

OtherNetwork::~OtherNetwork() {
  if (!left_ && ::setns(home_.get(), CLONE_NEWNET) < 0) ::_exit(1);
}

Loopback::Loopback()
    : netlink_(check(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "open a netlink socket")) {}

void Loopback::add_route(Ipv4Network network) const {
  const auto what = "a local route to " + to_text(network);
  if (const int error = ask(netlink_, local_route(network), what); error != 0) throw KernelError("add", what, error);
}

void Loopback::allow_large_packets() const {
  const int error = ask(netlink_, large_packets(), "large packets over lo");
  if (error != 0 && error != EINVAL && error != EOPNOTSUPP) throw KernelError("allow large packets over", "lo", error);
}

Fd listen_tcp(Ipv4 address, std::uint16_t port) {
  auto socket = bind_socket(SOCK_STREAM, address, port);
  check(::listen(socket.get(), backlog), "listen for egress at", std::to_string(port));
  return socket;
}

Fd bind_udp(Ipv4 address, std::uint16_t port) {
  return bind_socket(SOCK_DGRAM, address, port);
}

bool is_listening_at(const Fd& socket, Ipv4 address, std::uint16_t port) {
  int listening = 0;
  socklen_t size = sizeof listening;
  check(::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &size), "read back a listening socket");
  sockaddr_in found{};
  size = sizeof found;
  check(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&found), &size), "read back a socket's address");
  return listening == 1 && ntohl(found.sin_addr.s_addr) == address && ntohs(found.sin_port) == port;
}

}  // namespace cordon
