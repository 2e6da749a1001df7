// Messages of one AF_UNIX SEQPACKET socket that is non-blocking, with the descriptors that ride on them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netfilter/proxy/asio.hpp"

namespace cordon::egress {

using Descriptor = asio::posix::stream_descriptor;

// Makes the listening socket at `path`, for everybody: who connects is judged by SO_PEERCRED. What is there is removed.
int listen_at(const std::string& path);

std::optional<std::uint32_t> uid_of_peer(int socket);

// Takes `fd` over. nullopt: it cannot be waited for (epoll_ctl(2)), and is closed.
std::optional<Descriptor> waitable(const Descriptor::executor_type& executor, int fd);

struct Packet {
  enum class State : std::uint8_t {
    whole,
    nothing_yet,
    closed,
    broken
  } state = State::nothing_yet;  // broken: cut short
  std::string bytes;
  std::vector<Descriptor> fds;
};
Packet receive_packet(Descriptor& socket, std::size_t max_bytes, std::size_t max_fds);

enum class Sent : std::uint8_t { whole, no_room, failed };
Sent send_packet(Descriptor& socket, std::string_view bytes);

}  // namespace cordon::egress
