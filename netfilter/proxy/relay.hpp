// Bytes between a tool and a far side, each counted as it passes, within the budgets. What is not used is not kept: an
// idle relay has no buffers.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "netfilter/http/body.hpp"
#include "netfilter/policy/budget.hpp"
#include "netfilter/policy/second_hello.hpp"
#include "netfilter/proxy/asio.hpp"
#include "netfilter/proxy/passage.hpp"

namespace cordon::egress {

class Relay : public std::enable_shared_from_this<Relay> {
 public:
  // Sockets that do not block; the budgets outlive it. With a `body` (HTTP) only that goes up, and the relay ends with
  // the answer. With a `second_hello` (TLS) what it refuses ends the relay.
  Relay(tcp::socket tool, tcp::socket far, Budget& of_job, Budget& of_grant, std::optional<BodyReader> body,
        std::optional<SecondHello> second_hello, std::chrono::milliseconds idle);

  // `opening` goes up first as it is, and `rest` next as if it had been read now. Why it ended: none when both sides
  // had said all. The far side is closed then.
  awaitable<FlowReason> run(std::string opening, std::string rest);
  // RST to the far side, and then to the tool; the second has happened at the end of run(), too.
  void cut(FlowReason why);
  void reset_tool();

  // Behind run(), of an answer that is all: so that what was said last is not taken away.
  awaitable<void> leave_tool_politely();
  std::uint64_t bytes(Direction direction) const { return bytes_[static_cast<int>(direction)]; }

 private:
  void reset(FlowReason why);  // both, at once
  static awaitable<void> pump(std::shared_ptr<Relay> self, Direction direction, std::string opening, std::string rest);
  awaitable<void> move_all(Direction direction, std::string opening, std::string rest);
  awaitable<bool> move_some(Direction direction);
  bool may_pass_unread(Direction direction) const;
  awaitable<bool> pass_on(std::string_view bytes, Direction direction);
  awaitable<bool> pass_handshake(std::string_view bytes, Direction direction);
  awaitable<bool> pass_unread(Passage::Ptr passage, Direction direction);
  awaitable<bool> send(std::string_view bytes, Direction direction);
  bool account(std::size_t size, Direction direction);
  awaitable<bool> deliver(std::string_view bytes, std::string kept, Direction direction);
  void count(std::size_t size, Direction direction);
  awaitable<bool> wait_for_rate(Direction direction);
  awaitable<void> watch_for_reset();
  awaitable<bool> say_end(Direction direction);
  bool fail(const error_code& error, Direction reading_or_writing, bool reading);
  awaitable<bool> hold_back(Direction direction);
  awaitable<void> let_arrive(Direction direction);
  awaitable<void> until_sent(Direction direction);
  bool is_sent_on();
  void discard(Direction direction);
  void give_back_unsent();
  std::uint64_t left(Direction direction) const;

  tcp::socket& source(Direction d) { return d == Direction::up ? tool_ : far_; }
  tcp::socket& sink(Direction d) { return d == Direction::up ? far_ : tool_; }

  tcp::socket tool_, far_;
  Budget &of_job_, &of_grant_;
  std::optional<BodyReader> body_;
  std::optional<SecondHello> second_hello_;  // until there can be none any more
  std::chrono::milliseconds idle_;
  Clock::time_point last_byte_;
  asio::steady_timer done_;
  std::uint64_t bytes_[2] = {0, 0};    // that have passed
  std::uint64_t taken_up_ = 0;         // of the budgets, to pass up
  std::uint64_t unsent_ = 0;           // by both sides, when it was looked at last
  bool is_bulk_[2] = {false, false};   // by what came last
  bool said_end_[2] = {false, false};  // to the side that it goes to: a FIN, which the kernel counts as a byte
  int open_ = 2;
  bool over_ = false;
  bool is_cut_ = false;
  FlowReason why_ = FlowReason::none;
};

}  // namespace cordon::egress
