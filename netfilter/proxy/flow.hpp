// One connection of a tool, from accept to its close: heard, authorised, recorded, dialled, relayed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "netfilter/http/body.hpp"
#include "netfilter/policy/authorise.hpp"
#include "netfilter/policy/budget.hpp"
#include "netfilter/proxy/job.hpp"
#include "netfilter/proxy/later.hpp"

namespace cordon::egress {

class Flow : public std::enable_shared_from_this<Flow> {
 public:
  Flow(std::shared_ptr<Job> job, tcp::socket tool);
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // The whole of it. Spawned once.
  static awaitable<void> run(std::shared_ptr<Flow> flow);

  // RST to both sides (SO_LINGER {1, 0}), and the first reason stays.
  void reset(FlowReason why);

 private:
  using Result = FlowReason;  // none: go on
  enum class Side : std::uint8_t { tool, far };

  // before the dial
  awaitable<Result> decide();
  Result admit();
  awaitable<Result> hear();
  awaitable<Result> hear_more();
  Result understand();
  Result authorise_it();
  awaitable<Result> record_decision();
  void record_denial(FlowReason why);
  FlowDecided decision(FlowReason why) const;
  // the dial
  awaitable<Result> connect();
  awaitable<Result> resolve();
  awaitable<Result> dial(IpAddress address);
  awaitable<void> refuse(FlowReason why);
  awaitable<void> end_politely();
  // the relay
  awaitable<void> relay();
  awaitable<bool> send_opening();
  static awaitable<void> pump(std::shared_ptr<Flow> flow, Direction direction);
  awaitable<bool> wait_for_room(Direction direction);
  bool at_end_of_stream(tcp::socket& from, Direction direction);
  awaitable<bool> pass_on(std::string_view bytes, Direction direction);
  awaitable<bool> send_all(std::string_view bytes, Direction direction);
  awaitable<void> watch_idleness();
  void finish(Direction direction);
  void record_close();

  void arm(std::uint32_t ms, FlowReason why);
  bool is_over() const { return over_; }
  tcp::socket& source(Direction d) { return d == Direction::up ? tool_ : far_; }
  tcp::socket& sink(Direction d) { return d == Direction::up ? far_ : tool_; }
  std::uint64_t left(Direction d);

  std::shared_ptr<Job> job_;
  tcp::socket tool_, far_;
  Clock::time_point accepted_, last_byte_;
  std::uint64_t id_ = 0;
  Destination destination_;
  std::string name_;
  std::optional<std::size_t> grant_;
  bool counted_in_job_ = false, counted_in_grant_ = false, allowed_ = false, over_ = false;
  FlowReason ended_ = FlowReason::none, timed_out_ = FlowReason::none;

  std::string heard_bytes_;
  Heard heard_ = Unread{};
  std::optional<Permit> permit_;
  std::optional<BodyReader> body_;
  std::vector<IpAddress> answers_;
  std::optional<IpAddress> dialled_;

  asio::steady_timer deadline_, done_;
  std::shared_ptr<Later<bool>> evidence_;
  std::shared_ptr<Later<Answers>> look_up_;
  int open_directions_ = 0;
  std::uint64_t bytes_up_ = 0, bytes_down_ = 0;
};

}  // namespace cordon::egress
