#include "netfilter/proxy/polite_end.hpp"

#include <array>

#include "netfilter/proxy/deadline.hpp"

namespace cordon::egress {

awaitable<void> end_politely(tcp::socket& tool) {
  constexpr auto patience = std::chrono::seconds(1);
  constexpr std::size_t most_read = 256 << 10;
  error_code error;
  tool.shutdown(tcp::socket::shutdown_send, error);
  const Deadline deadline(tool, patience);
  std::array<char, 4096> unread{};
  const auto room = asio::buffer(unread);
  for (std::size_t read = 0; !error && read < most_read;) {
    const auto [failed, size] = co_await tool.async_read_some(room, as_result);
    error = failed;
    read += size;
  }
  tool.close(error);
}

}  // namespace cordon::egress
