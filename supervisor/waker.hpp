// How a coroutine waits for several things at once: it sleeps on one Waker, and whatever it waits for rings that.
// Single-threaded; a ring before the sleep is not lost.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "supervisor/asio.hpp"

namespace cordon {

class Waker {
 public:
  explicit Waker(const asio::any_io_executor& executor) : timer_(executor) {}

  void ring() {
    rung_ = true;
    timer_.cancel();
  }

  // Comes back when rung, or at `until`. The caller looks again at what it waits for.
  awaitable<void> sleep(Clock::time_point until = Clock::time_point::max()) {
    if (!rung_) {
      timer_.expires_at(until);
      co_await timer_.async_wait(as_result);
    }
    rung_ = false;
  }

 private:
  asio::steady_timer timer_;
  bool rung_ = false;
};

// Something that changes, and the wakers of those who want to know.
class Changes {
 public:
  void ring() {
    for (auto* waker : *wakers_) waker->ring();
  }

 private:
  friend class Watch;
  std::shared_ptr<std::vector<Waker*>> wakers_ = std::make_shared<std::vector<Waker*>>();
};

// While it lives, `changes` rings `waker`, which outlives it. When cordond ends, what changes may be gone before it.
class Watch {
 public:
  Watch(Changes& changes, Waker& waker) : wakers_(changes.wakers_), waker_(&waker) { wakers_->push_back(&waker); }
  ~Watch() { std::erase(*wakers_, waker_); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  std::shared_ptr<std::vector<Waker*>> wakers_;
  Waker* waker_;
};

}  // namespace cordon
