// One listening socket: takes connections, finds out whose they are, and has them served.
#pragma once

#include <memory>
#include <string>

#include "supervisor/http/api.hpp"
#include "supervisor/http/body_budget.hpp"
#include "supervisor/http/connection.hpp"
#include "supervisor/http/connection_table.hpp"

namespace cordon {

// What all listening sockets share.
struct Serving {
  Api* api;
  ConnectionTable* connections;  // of those who are served
  BodyBudget bodies;
  Commons commons;
  std::size_t most_connections = 0;
};

struct Listener {
  std::string path;
  gid_t group = 0;  // who may connect, beside root
  Role role = Role::agent;
};

asio::local::stream_protocol::acceptor listen_on(const asio::any_io_executor& executor, const Listener& listener);
asio::local::stream_protocol::acceptor listen_on(const asio::any_io_executor& executor, Fd listening);

// GET /metrics over TCP, for Prometheus. Throws KernelError.
asio::ip::tcp::acceptor listen_on(const asio::any_io_executor& executor, const LoopbackAddress& address);
awaitable<void> accept_scrapers(asio::ip::tcp::acceptor* acceptor, Serving shared);

// Never ends by itself.
awaitable<void> accept_connections(asio::local::stream_protocol::acceptor* acceptor, Listener listener, Serving shared);

}  // namespace cordon
