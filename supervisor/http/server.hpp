// One listening socket: takes connections, finds out whose they are, and has them served.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "supervisor/http/api.hpp"
#include "supervisor/http/body_budget.hpp"

namespace cordon {

// How many connections each uid has, over all sockets.
class ConnectionCounts {
 public:
  // Counted until the slot is dropped; nullptr: there are `most` already.
  std::shared_ptr<void> take(std::uint32_t uid, std::size_t most);

 private:
  using Counts = std::map<std::uint32_t, std::size_t>;
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

struct Listener {
  std::string path;
  gid_t group = 0;  // who may connect, beside root
  Role role = Role::agent;
};

asio::local::stream_protocol::acceptor listen_on(const asio::any_io_executor& executor, const Listener& listener);

// Never ends by itself.
awaitable<void> accept_connections(asio::local::stream_protocol::acceptor* acceptor, Listener listener, Api* api,
                                   ConnectionCounts counts, BodyBudget budget);

}  // namespace cordon
