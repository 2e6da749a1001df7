#include "netfilter/proxy/flow.hpp"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <utility>

#include "netfilter/http/refusal.hpp"
#include "netfilter/proxy/deadline.hpp"
#include "netfilter/proxy/polite_end.hpp"
#include "netfilter/proxy/sockets.hpp"
#include "netfilter/proxy/wall_clock.hpp"
#include "profiles/host_name.hpp"

namespace cordon::egress {

namespace {

constexpr std::size_t most_answers = 32, most_path = 1024;
constexpr auto evidence_patience = std::chrono::seconds(5);
constexpr auto refusal_patience = std::chrono::seconds(1);

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string canonical_or_nothing(const std::string& name) {
  return canonical_host_name(name).value_or("");
}

}  // namespace

Flow::Flow(std::shared_ptr<Job> job, tcp::socket tool)
    : job_(std::move(job)),
      tool_(std::move(tool)),
      id_(job_->next_flow()),
      destination_(destination_of(tool_)),
      dial_(job_->io(), job_->resolver(), job_->evidence().figures()) {
  job_->join(*this);
}

Flow::~Flow() {
  if (in_grant_budget_) grant_budget().close();
  if (in_job_budget_) job_->budget().close();
  job_->leave(*this);
}

awaitable<void> Flow::run(std::shared_ptr<Flow> flow) {
  auto why = flow->admit();
  if (why == FlowReason::none) why = co_await flow->decide();
  if (why != FlowReason::none) {
    flow->record_denial(why);
    co_return co_await flow->refuse(why);
  }
  why = co_await flow->wait_for_evidence();
  if (why == FlowReason::none) {
    const auto patience = std::chrono::milliseconds(flow->job_->limits().connect_ms);
    auto permit = std::move(*flow->permit_);
    why = co_await flow->dial_.run(std::move(permit), patience);
    if (flow->is_ended()) why = flow->ended_;
  }
  if (why == FlowReason::none) {
    why = co_await flow->relay();
  } else {
    flow->dial_.give_up();
    co_await flow->refuse(why);
  }
  flow->record_close(why);
}

// What can be said before the tool has said anything.
FlowReason Flow::admit() {
  const auto now = Clock::now();
  name_ = job_->snapshot().name_at(destination_.address);
  const auto grant = job_->snapshot().grant_for(destination_.address, destination_.port, today());
  if (grant) {
    grant_ = *grant;
    mode_ = job_->snapshot().grant(*grant).mode;
  }
  if (const auto why = job_->budget().attempt(now); why != FlowReason::none) return why;
  if (!grant) return grant.error();
  if (const auto why = grant_budget().attempt(now); why != FlowReason::none) return why;
  if (const auto why = job_->budget().open(); why != FlowReason::none) return why;
  in_job_budget_ = true;
  if (const auto why = grant_budget().open(); why != FlowReason::none) return why;
  in_grant_budget_ = true;
  return check_budgets();
}

FlowReason Flow::check_budgets() const {
  for (const auto direction : {Direction::up, Direction::down})
    if (job_->budget().left(direction) == 0 || grant_budget().left(direction) == 0) return spent(direction);
  return FlowReason::none;
}

awaitable<FlowReason> Flow::decide() {
  hearing_ = co_await hear(tool_, mode_, job_->limits());
  if (is_ended()) co_return ended_;
  if (hearing_.fault != FlowReason::none) co_return hearing_.fault;
  auto permit = authorise(job_->snapshot(), destination_, hearing_.heard, today());
  if (!permit) co_return permit.error();
  permit_ = std::move(*permit);
  if (!job_->evidence().has_room()) co_return FlowReason::no_evidence;
  if (!is_walled()) co_return FlowReason::no_wall;
  co_return check_budgets();
}

awaitable<FlowReason> Flow::wait_for_evidence() {
  auto& totals = job_->totals();
  ++totals.flows_allowed;
  auto& figures = job_->evidence().figures();
  ++figures.flows_allowed;
  evidence_ = std::make_shared<Later<bool>>(job_->io().get_executor());
  job_->evidence().ask(decision(FlowReason::none), job_->snapshot().job().owner, evidence_);
  prepare(*permit_);
  const auto written = co_await evidence_->get(Clock::now() + evidence_patience);
  if (is_ended()) co_return ended_;
  co_return written.value_or(false) ? FlowReason::none : FlowReason::no_evidence;
}

// What a relay needs of both sockets.
void Flow::prepare(const Permit& permit) {
  error_code ignored;
  tool_.set_option(tcp::no_delay(true), ignored);
  tool_.non_blocking(true, ignored);
  dial_.prepare(permit);
}

awaitable<FlowReason> Flow::relay() {
  std::optional<BodyReader> body;
  std::optional<SecondHello> second_hello;
  std::string opening, rest;
  if (const auto* head = std::get_if<RequestHead>(&hearing_.heard)) {
    const auto port = destination_.port == 80 ? std::string() : ":" + std::to_string(destination_.port);
    opening = write_request_head(*head, name_ + port);
    rest = hearing_.bytes.substr(head->bytes);
    body.emplace(*head);
  } else if (const auto* hello = std::get_if<ClientHello>(&hearing_.heard)) {
    opening = hearing_.bytes.substr(0, hello->bytes);
    rest = hearing_.bytes.substr(hello->bytes);
    second_hello.emplace(name_, job_->limits().max_head_bytes);
  } else {
    opening = std::move(hearing_.bytes);
  }
  hearing_ = {};
  const auto idle = std::chrono::milliseconds(job_->limits().idle_ms);
  relay_ = std::make_shared<Relay>(std::move(tool_), std::move(dial_.socket()), job_->budget(), grant_budget(), body,
                                   std::move(second_hello), idle);
  const auto why = co_await relay_->run(std::move(opening), std::move(rest));
  if (body && why == FlowReason::none && !is_ended()) co_await relay_->leave_tool_politely();
  co_return why;
}

void Flow::cut(FlowReason why) {
  if (is_ended()) return;
  ended_ = why;
  if (evidence_) evidence_->give_up();
  dial_.give_up();
  if (relay_) relay_->cut(why);
}

void Flow::reset_tool() {
  if (relay_)
    relay_->reset_tool();
  else
    reset(tool_);
}

void Flow::end_if_expired(std::chrono::sys_seconds now) {
  if (!grant_ || !job_->snapshot().has_expired(*grant_, now)) return;
  cut(FlowReason::grant_expired);
  reset_tool();
}

void Flow::tell_progress() {
  if (!relay_ || !job_->evidence().is_read()) return;
  const auto up = relay_->bytes(Direction::up), down = relay_->bytes(Direction::down);
  if (up == told_[0] && down == told_[1]) return;
  told_[0] = up, told_[1] = down;
  job_->evidence().tell(FlowMoved{job_->snapshot().job().id, id_, up, down});
}

// In the words of the grant's protocol, if it has any; else an RST.
awaitable<void> Flow::refuse(FlowReason why) {
  const auto said = refusal(why);
  auto seat = job_->take_seat_of_refused();
  if (said.empty() || is_ended() || !seat || why == FlowReason::reset_by_tool) {
    reset(tool_);
    co_return;
  }
  const Deadline deadline(tool_, refusal_patience);
  const auto bytes = asio::buffer(said);
  co_await asio::async_write(tool_, bytes, as_result);
  co_await end_politely(tool_);
}

std::string Flow::refusal(FlowReason why) const {
  if (!grant_) return {};
  if (mode_ == EgressMode::http) return http_refusal(why, name_, destination_.port);
  if (mode_ == EgressMode::passthrough && why != FlowReason::not_tls) return std::string(access_denied_alert());
  return {};
}

FlowDecided Flow::decision(FlowReason why) const {
  FlowDecided d;
  d.job = job_->snapshot().job().id;
  d.generation = job_->snapshot().job().generation;
  d.flow = id_;
  d.unix_ms = unix_ms();
  d.name = name_;
  d.port = destination_.port;
  d.mode = mode_;
  d.reason = why;
  if (name_.empty()) d.name = to_text(destination_.address);
  if (grant_) d.grant = static_cast<std::uint8_t>(*grant_);
  if (const auto* hello = std::get_if<ClientHello>(&hearing_.heard))
    d.server_name = canonical_or_nothing(hello->server_name);
  if (const auto* head = std::get_if<RequestHead>(&hearing_.heard)) {
    d.method = head->method;
    d.host = canonical_or_nothing(head->host);
    d.path = head->target.substr(0, most_path);
  }
  return d;
}

void Flow::record_denial(FlowReason why) {
  ++job_->totals().flows_denied;
  auto& figures = job_->evidence().figures();
  ++figures.flows_denied;
  ++figures.by_reason[static_cast<std::size_t>(why)];
  job_->denials().flow(decision(why));
}

void Flow::record_close(FlowReason why) {
  FlowClosed c;
  c.job = job_->snapshot().job().id;
  c.flow = id_;
  c.unix_ms = unix_ms();
  c.answers = dial_.answers();
  c.answers.resize(std::min(c.answers.size(), most_answers));
  c.dialled = dial_.dialled();
  if (relay_) {
    c.bytes_up = relay_->bytes(Direction::up);
    c.bytes_down = relay_->bytes(Direction::down);
  }
  c.duration_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - accepted_).count());
  c.reason = why;
  job_->totals().bytes_up += c.bytes_up;
  job_->totals().bytes_down += c.bytes_down;
  auto& figures = job_->evidence().figures();
  figures.bytes_up += c.bytes_up;
  figures.bytes_down += c.bytes_down;
  ++figures.by_reason[static_cast<std::size_t>(why)];
  job_->evidence().tell(std::move(c));
}

}  // namespace cordon::egress
