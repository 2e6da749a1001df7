#include "netfilter/proxy/dial.hpp"

#include <algorithm>

#include "netfilter/policy/answers.hpp"
#include "netfilter/proxy/deadline.hpp"
#include "netfilter/proxy/sockets.hpp"
#include "profiles/denied_addresses.hpp"

namespace cordon::egress {

namespace {

constexpr std::size_t most_tried = 4;  // addresses of one name

std::chrono::milliseconds until(Clock::time_point deadline) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::max(Clock::duration::zero(), deadline - Clock::now()));
}

}  // namespace

void Dial::prepare(const Permit& permit) {
  open(false);
  if (!permit.address()) return;
  candidates_ = {IpAddress(*permit.address())};
  denied_ = !may_dial(candidates_[0], true, permit.private_egress()) || is_own_address(candidates_[0]);
}

void Dial::open(bool v6) {
  error_code failed;  // then it is not open, which whoever connects looks at
  socket_.close(failed);
  socket_.open(v6 ? tcp::v6() : tcp::v4(), failed);
  socket_.non_blocking(true, failed);
  socket_.set_option(tcp::no_delay(true), failed);
}

awaitable<FlowReason> Dial::run(Permit permit, std::chrono::milliseconds patience) {
  auto why = co_await find_addresses(permit, Clock::now() + patience);
  if (why != FlowReason::none) co_return why;
  const auto deadline = Clock::now() + patience;
  for (std::size_t i = 0; i < std::min(candidates_.size(), most_tried); ++i) {
    why = co_await connect(candidates_[i], permit.port(), deadline);
    if (why == FlowReason::none || given_up_) break;
  }
  co_return given_up_ ? FlowReason::job_ended : why;
}

awaitable<FlowReason> Dial::find_addresses(const Permit& permit, Clock::time_point deadline) {
  if (permit.address()) {
    answers_ = candidates_;
    co_return denied_ ? FlowReason::address_denied : FlowReason::none;
  }
  look_up_ = std::make_shared<Later<Answers>>(io_.get_executor());
  figures_.upstream_queries += 2;
  resolver_.look_up(permit.name(), look_up_);
  auto answers = co_await look_up_->get(deadline);
  if (given_up_) co_return FlowReason::job_ended;
  if (!answers) co_return FlowReason::resolver_failed;
  if (!*answers) co_return answers->error();
  answers_ = **answers;
  auto checked = checked_answers(std::move(**answers));
  if (!checked) co_return checked.error();
  candidates_ = std::move(*checked);
  // One of this host's own among them is as any other denied one: none of them is dialled.
  if (std::any_of(candidates_.begin(), candidates_.end(), is_own_address)) co_return FlowReason::address_denied;
  co_return FlowReason::none;
}

awaitable<FlowReason> Dial::connect(IpAddress address, std::uint16_t port, Clock::time_point deadline) {
  if (!is_walled()) co_return FlowReason::no_wall;
  if (dialled_ || address.is_v6() || !socket_.is_open()) open(address.is_v6());
  if (!socket_.is_open()) co_return FlowReason::overloaded;
  const tcp::endpoint to(to_asio(address), port);
  const Deadline limit(socket_, until(deadline));
  dialled_ = address;
  const auto [failed] = co_await socket_.async_connect(to, as_result);
  co_return failed ? FlowReason::connect_failed : FlowReason::none;
}

void Dial::give_up() {
  given_up_ = true;
  if (look_up_) look_up_->give_up();
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace cordon::egress
