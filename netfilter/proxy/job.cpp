#include "netfilter/proxy/job.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "netfilter/proxy/flow.hpp"
#include "netfilter/proxy/wall_clock.hpp"

namespace cordon::egress {

namespace {

constexpr std::uint32_t most_refused = 64;
constexpr auto pause_without_room = std::chrono::milliseconds(20);
constexpr std::chrono::milliseconds least_look{1}, longest_look{1000};  // a step of the clock is noticed by then

std::vector<Budget> budgets_of(const EgressJob& job) {
  std::vector<Budget> budgets;
  for (const auto& grant : job.grants) budgets.push_back(Budget::of(grant.budget, Clock::now()));
  return budgets;
}

}  // namespace

Job::Job(asio::io_context& io, EgressJob job, std::vector<Descriptor> fds, Resolver& resolver, Evidence& evidence)
    : io_(io),
      snapshot_(std::move(job)),
      resolver_(resolver),
      evidence_(evidence),
      denials_(snapshot_.job().id, evidence),
      budget_(Budget::of(limits(), Clock::now())),
      grant_budgets_(budgets_of(snapshot_.job())),
      dns_(io, snapshot_, denials_, totals_, evidence.figures(), std::move(fds[0]), std::move(fds[1])),
      second_(io) {
  totals_.job = snapshot_.job().id;
  for (std::size_t i = 2; i < fds.size(); ++i) listeners_.emplace_back(io, tcp::v4(), fds[i].release());
  ++evidence_.figures().jobs;
}

Job::~Job() {
  --evidence_.figures().jobs;
}

void Job::start() {
  dns_.start(shared_from_this());
  for (std::size_t i = 0; i < listeners_.size(); ++i)
    asio::co_spawn(io_, accept_flows(shared_from_this(), i), asio::detached);
  asio::co_spawn(io_, keep_time(shared_from_this()), asio::detached);
}

void Job::end() {
  if (std::exchange(ended_, true)) return;
  cut_flows(FlowReason::job_ended);
  close_sockets(true);  // before the last word: nothing more is to be counted
  second_.cancel();
  close_if_done();
}

// The flag is set: nothing that a listener still has is taken. Of all jobs that are cut at once the far sides come
// first; then, before any tool hears of it, the listeners. Where somebody is left the resolver stays, and says why.
void Job::revoke(FlowReason why) {
  if (!takes_flows()) return;
  snapshot_.revoke();
  asio::post(io_, [self = shared_from_this(), why] { self->close_sockets(why == FlowReason::job_ended); });
  cut_flows(why);
}

void Job::cut_flows(FlowReason why) {
  for (auto* flow : flows_) flow->cut(why);
}

void Job::close_sockets(bool of_resolver_too) {
  error_code ignored;
  for (auto& listener : listeners_) listener.close(ignored);
  if (of_resolver_too) dns_.end();
  for (auto* flow : flows_) flow->reset_tool();
}

void Job::join(Flow& flow) {
  flows_.insert(&flow);
  ++evidence_.figures().flows;
}

void Job::leave(Flow& flow) {
  flows_.erase(&flow);
  --evidence_.figures().flows;
  close_if_done();
}

// The last word, after the last flow's.
void Job::close_if_done() {
  if (!ended_ || !flows_.empty() || std::exchange(closed_, true)) return;
  denials_.flush();
  evidence_.tell(totals_);
}

Job::Seat Job::take_seat_of_refused() {
  if (refused_ == most_refused) return nullptr;
  ++refused_;
  return {this, [self = shared_from_this()](void*) { --self->refused_; }};
}

awaitable<void> Job::accept_flows(std::shared_ptr<Job> self, std::size_t listener) {
  while (self->takes_flows()) {
    auto [error, socket] = co_await self->listeners_[listener].async_accept(as_result);
    if (!self->takes_flows()) co_return;
    if (error) {  // no descriptors: others must end first
      asio::steady_timer pause(self->io_, pause_without_room);
      co_await pause.async_wait(as_result);
      continue;
    }
    auto flow = std::make_shared<Flow>(self, std::move(socket));
    asio::co_spawn(self->io_, Flow::run(std::move(flow)), asio::detached);
  }
}

// Once a second, and when a grant ends: its flows are cut, what others have come to is told, and denials are.
awaitable<void> Job::keep_time(std::shared_ptr<Job> self) {
  for (;;) {
    self->second_.expires_after(self->until_next_look());
    co_await self->second_.async_wait(as_result);
    if (self->ended_) co_return;
    for (auto* flow : self->flows_) flow->end_if_expired(today());
    for (auto* flow : self->flows_) flow->tell_progress();
    self->denials_.flush();
  }
}

std::chrono::milliseconds Job::until_next_look() const {
  const auto next = snapshot_.next_end(today());
  if (!next) return longest_look;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - std::chrono::system_clock::now());
  return std::clamp(left, least_look, longest_look);
}

}  // namespace cordon::egress
