// A value that a coroutine waits for and something else delivers, once; or nothing, at the deadline or when given up.
#pragma once

#include <optional>

#include "netfilter/policy/budget.hpp"
#include "netfilter/proxy/asio.hpp"

namespace cordon::egress {

template <typename T>
class Later {
 public:
  explicit Later(const asio::any_io_executor& executor) : timer_(executor) {}

  void deliver(T value) {
    if (given_up_ || value_) return;
    value_ = std::move(value);
    timer_.cancel();
  }
  void give_up() {
    given_up_ = true;
    timer_.cancel();
  }
  awaitable<std::optional<T>> get(Clock::time_point deadline) {
    if (!value_ && !given_up_) {
      timer_.expires_at(deadline);
      co_await timer_.async_wait(as_result);
    }
    given_up_ = true;
    co_return std::move(value_);
  }

 private:
  asio::steady_timer timer_;
  std::optional<T> value_;
  bool given_up_ = false;
};

}  // namespace cordon::egress
