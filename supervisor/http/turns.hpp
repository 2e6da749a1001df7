// The one thread, shared fairly: whoever is about to do some work for a client takes a turn, and turns go round the
// users. A user with a thousand busy connections gets no more of them than one with a single one.
#pragma once

#include <boost/asio/post.hpp>

#include "supervisor/http/turn_order.hpp"
#include "supervisor/waker.hpp"

namespace cordon {

class Turns {
 public:
  explicit Turns(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  // Comes back when it is this user's turn. What follows, up to the next thing that is awaited, is the turn.
  awaitable<void> take(std::uint32_t uid) {
    if (!taken_) {
      taken_ = true;
      pass_on_later();
      co_return;
    }
    Waker waker(executor_);
    queue_.add(uid, &waker);
    co_await waker.sleep();
  }

 private:
  // Behind all that is ready now: reading and accepting go on between turns.
  void pass_on_later() {
    asio::post(executor_, [this] {
      const auto next = queue_.next();
      taken_ = next.has_value();
      if (!next) return;
      (*next)->ring();
      pass_on_later();
    });
  }

  asio::any_io_executor executor_;
  TurnOrder<Waker*> queue_;
  bool taken_ = false;
};

}  // namespace cordon
