// While it lives: a time after which whatever is waited for on a socket is cancelled.
#pragma once

#include <memory>

#include "netfilter/policy/budget.hpp"
#include "netfilter/proxy/asio.hpp"

namespace cordon::egress {

class Deadline {
 public:
  Deadline(tcp::socket& socket, std::chrono::milliseconds after)
      : state_(std::make_shared<State>(State{&socket, false})), timer_(socket.get_executor(), after) {
    timer_.async_wait([state = state_](const error_code& error) {
      if (error || state->socket == nullptr) return;
      state->passed = true;
      error_code ignored;
      state->socket->cancel(ignored);
    });
  }
  ~Deadline() { state_->socket = nullptr; }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  bool passed() const { return state_->passed; }

 private:
  struct State {
    tcp::socket* socket;
    bool passed;
  };
  std::shared_ptr<State> state_;
  asio::steady_timer timer_;
};

}  // namespace cordon::egress
