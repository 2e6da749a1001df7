// One accepted socket with its deadline, and what writing to it takes.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "supervisor/asio.hpp"
#include "supervisor/http/connection_table.hpp"
#include "supervisor/http/message.hpp"
#include "supervisor/http/turns.hpp"
#include "supervisor/metrics/metrics.hpp"

namespace cordon {

using Socket = asio::generic::stream_protocol::socket;

// What all connections share.
struct Commons {
  Metrics& metrics;
  Turns& turns;
  BodyBudget answers;                                    // the memory that answers may take while they are being sent
  Clock::duration idle_time = std::chrono::seconds(75);  // between two requests of a connection
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket_of, Caller caller_of, Commons commons_of)
      : commons(std::move(commons_of)),
        socket(std::move(socket_of)),
        caller(std::move(caller_of)),
        client(std::make_shared<Client>(socket.get_executor())),
        timer_(socket.get_executor()) {}

  // From now on: pending operations are cancelled, and expired() is true, when the time is over.
  void expire_after(Clock::duration time);
  void expire_never();
  bool expired() const { return expired_; }

  // Has `client` told when the other side is wholly gone. A half-closed one still reads.
  void watch_client();

  // Ends it at once, whatever it is at.
  void cut();

  awaitable<bool> write(std::string_view bytes, std::string_view more = {});  // false: it cannot be written to any more

  awaitable<void> turn() { return commons.turns.take(caller.uid); }
  void now(Doing doing) {
    if (seat) seat->now(doing);
  }

  const Commons commons;
  ConnectionTable::SeatPtr seat;  // null: it is being refused
  Socket socket;
  const Caller caller;
  const std::shared_ptr<Client> client;

 private:
  asio::steady_timer timer_;
  std::uint64_t deadline_ = 0;  // which one: an old timer's late call means nothing
  bool expired_ = false, watched_ = false;
};
using ConnectionPtr = std::shared_ptr<Connection>;

struct Framing {
  bool head_only = false;  // the answer to HEAD
  bool keep_alive = true;
  bool chunked = true;  // HTTP/1.1
};

// False: the connection is of no use any more.
awaitable<bool> write_response(ConnectionPtr connection, Response response, Framing framing);

}  // namespace cordon
