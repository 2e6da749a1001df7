#include "netfilter/proxy/relay.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "netfilter/proxy/deadline.hpp"
#include "netfilter/proxy/polite_end.hpp"
#include "netfilter/proxy/sockets.hpp"

namespace cordon::egress {

namespace {

constexpr std::size_t piece = 2 << 20;     // bytes at once, of what the kernel hands on
constexpr std::size_t part = 64 << 10;     // and of what is read here, or parsed
constexpr std::uint64_t small = 16 << 10;  // a rate is waited for until so much may pass
constexpr std::size_t bulk = 32 << 10;     // that came at once: what is smaller is sooner copied
constexpr auto last_patience = std::chrono::seconds(1);
constexpr std::size_t much = 32 << 20;  // kept of all flows, for readers that are slow: from then on in small parts

// One for all: nothing is left in it when a coroutine lets others run.
char* scratch() {
  static std::array<char, part> bytes;
  return bytes.data();
}

// Bytes that were taken and wait for their reader.
class Kept {
 public:
  explicit Kept(std::size_t size) : size_(size) { all_ += size_; }
  ~Kept() { all_ -= size_; }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  static bool is_much() { return all_ > much; }

 private:
  static inline std::size_t all_ = 0;
  std::size_t size_;
};

}  // namespace

Relay::Relay(tcp::socket tool, tcp::socket far, Budget& of_job, Budget& of_grant, std::optional<BodyReader> body,
             std::optional<SecondHello> second_hello, std::chrono::milliseconds idle)
    : tool_(std::move(tool)),
      far_(std::move(far)),
      of_job_(of_job),
      of_grant_(of_grant),
      body_(body),
      second_hello_(std::move(second_hello)),
      idle_(idle),
      last_byte_(Clock::now()),
      done_(tool_.get_executor()) {}

awaitable<FlowReason> Relay::run(std::string opening, std::string rest) {
  const auto executor = tool_.get_executor();
  asio::co_spawn(executor, pump(shared_from_this(), Direction::up, std::move(opening), std::move(rest)),
                 asio::detached);
  asio::co_spawn(executor, pump(shared_from_this(), Direction::down, {}, {}), asio::detached);
  while (open_ > 0) {
    done_.expires_at(last_byte_ + idle_);
    co_await done_.async_wait(as_result);
    if (open_ > 0 && !over_ && Clock::now() >= last_byte_ + idle_ && !is_sent_on()) reset(FlowReason::idle);
  }
  error_code ignored;
  far_.close(ignored);
  reset_tool();
  give_back_unsent();
  co_return why_;
}

void Relay::reset(FlowReason why) {
  cut(why);
  reset_tool();
}

void Relay::cut(FlowReason why) {
  if (!std::exchange(over_, true)) why_ = why;
  is_cut_ = true;
  discard(Direction::up);
  done_.cancel();
}

void Relay::reset_tool() {
  if (is_cut_) discard(Direction::down);
}

// What will never be sent has not passed.
void Relay::discard(Direction direction) {
  auto discarded = egress::reset(sink(direction));
  if (discarded > 0 && said_end_[static_cast<int>(direction)]) --discarded;
  bytes_[static_cast<int>(direction)] -= std::min(bytes(direction), discarded);
}

// What was taken of the tool and never left is others' again. What the far side has sent is spent, whoever did not take
// it.
void Relay::give_back_unsent() {
  const auto unsent = taken_up_ - bytes(Direction::up);
  of_job_.give_back_up(unsent);
  of_grant_.give_back_up(unsent);
}

awaitable<void> Relay::leave_tool_politely() {
  said_end_[static_cast<int>(Direction::down)] = true;
  co_await end_politely(tool_);
  reset_tool();
}

awaitable<void> Relay::pump(std::shared_ptr<Relay> self, Direction direction, std::string opening, std::string rest) {
  co_await self->move_all(direction, std::move(opening), std::move(rest));
  --self->open_;
  self->done_.cancel();
}

awaitable<void> Relay::move_all(Direction direction, std::string opening, std::string rest) {
  if (!opening.empty() && !co_await send(opening, direction)) co_return;
  if (!rest.empty() && !co_await pass_on(rest, direction)) co_return;
  while (!over_) {
    if (direction == Direction::up && body_ && body_->ended()) co_return co_await watch_for_reset();
    const auto [error] = co_await source(direction).async_wait(tcp::socket::wait_read, as_result);
    if (error || !co_await move_some(direction)) co_return;
  }
}

// One piece, before others have theirs. False when this direction has ended.
awaitable<bool> Relay::move_some(Direction direction) {
  if (left(direction) == 0) co_return co_await hold_back(direction);
  if (!co_await wait_for_rate(direction)) co_return false;
  const auto allowed = std::min(left(direction), of_grant_.rate().available(Clock::now()));
  if (allowed == 0) co_return true;  // others have had it meanwhile
  const auto most = [&](std::size_t size) { return static_cast<std::size_t>(std::min<std::uint64_t>(size, allowed)); };
  error_code error;
  auto passage = may_pass_unread(direction) ? Passage::open() : nullptr;
  if (passage) passage->take(source(direction), most(Kept::is_much() ? part : piece), error);
  // Whether there is nothing, or an end, read_some says: urgent data (tcp(7)) looks like both to splice(2).
  if (error == asio::error::would_block || error == asio::error::eof) passage = nullptr;
  const auto size = passage ? passage->size() : source(direction).read_some(asio::buffer(scratch(), most(part)), error);
  if (error == asio::error::would_block) co_return true;
  if (error == asio::error::eof) co_return co_await say_end(direction);
  if (error) co_return fail(error, direction, true);
  is_bulk_[static_cast<int>(direction)] = size >= bulk;
  auto passing = passage ? pass_unread(std::move(passage), direction) : pass_on({scratch(), size}, direction);
  const bool passed = co_await std::move(passing);
  co_return passed && !over_;
}

// What nobody here has to look at.
bool Relay::may_pass_unread(Direction direction) const {
  return is_bulk_[static_cast<int>(direction)] && !second_hello_ && (!body_ || direction == Direction::down);
}

awaitable<bool> Relay::pass_unread(Passage::Ptr passage, Direction direction) {
  if (!account(passage->size(), direction)) co_return false;
  while (passage->size() > 0) {
    error_code error;
    count(passage->give(sink(direction), error), direction);
    if (error && error != asio::error::would_block) co_return fail(error, direction, false);
    if (!error) continue;
    if (!Passage::may_wait()) {
      auto rest = passage->rest();
      passage = nullptr;
      auto delivering = deliver(std::string_view(), std::move(rest), direction);
      co_return co_await std::move(delivering);
    }
    const Kept counted(passage->size());
    const auto [failed] = co_await sink(direction).async_wait(tcp::socket::wait_write, as_result);
    if (failed || over_) co_return false;
  }
  co_return true;
}

awaitable<bool> Relay::pass_handshake(std::string_view bytes, Direction direction) {
  if (direction == Direction::down) {
    second_hello_->down(bytes);
    co_return co_await send(bytes, direction);
  }
  const auto taken = second_hello_->up(bytes);
  if (taken.fault != FlowReason::none) reset(taken.fault);
  if (second_hello_->is_over()) second_hello_.reset();
  if (over_) co_return false;
  co_return co_await send(taken.output, direction);
}

awaitable<bool> Relay::pass_on(std::string_view bytes, Direction direction) {
  if (second_hello_) co_return co_await pass_handshake(bytes, direction);
  if (!body_ || direction == Direction::down) co_return co_await send(bytes, direction);
  const auto taken = body_->take(bytes);
  if (taken.fault) reset(FlowReason::bad_request);
  if (over_) co_return false;
  co_return co_await send(taken.output, direction);
}

awaitable<bool> Relay::send(std::string_view bytes, Direction direction) {
  if (!account(bytes.size(), direction)) co_return false;
  auto delivering = deliver(bytes, std::string(), direction);
  co_return co_await std::move(delivering);
}

// False when it is more than may pass, or the relay is over.
bool Relay::account(std::size_t size, Direction direction) {
  if (size > left(direction)) reset(spent(direction));
  if (over_) return false;
  if (direction == Direction::up) taken_up_ += size;
  of_job_.spend(direction, size);
  of_grant_.spend(direction, size);
  of_grant_.rate().take(size, Clock::now());
  return true;
}

void Relay::count(std::size_t size, Direction direction) {
  bytes_[static_cast<int>(direction)] += size;
  if (size > 0) last_byte_ = Clock::now();
}

// What is kept goes first: it is these bytes, or there is nothing.
awaitable<bool> Relay::deliver(std::string_view bytes, std::string kept, Direction direction) {
  if (!kept.empty()) bytes = kept;
  while (!bytes.empty()) {
    error_code error;
    const auto size = sink(direction).write_some(asio::buffer(bytes), error);
    if (error && error != asio::error::would_block) co_return fail(error, direction, false);
    count(size, direction);
    bytes.remove_prefix(size);
    if (bytes.empty()) break;
    if (kept.empty()) bytes = kept = bytes;  // the scratch is others' while we wait
    const Kept counted(kept.capacity());
    const auto [failed] = co_await sink(direction).async_wait(tcp::socket::wait_write, as_result);
    if (failed || over_) co_return false;
  }
  co_return true;
}

// At least a little, or all that is left. False when the relay is over.
awaitable<bool> Relay::wait_for_rate(Direction direction) {
  const auto wanted = std::min(small, left(direction));
  for (;;) {
    const auto wait = of_grant_.rate().until(wanted, Clock::now());
    if (wait == Clock::duration::zero()) co_return !over_;
    asio::steady_timer timer(tool_.get_executor(), wait);
    co_await timer.async_wait(as_result);
    last_byte_ = Clock::now();  // held back by us, not idle
    if (over_) co_return false;
  }
}

// Nothing may pass: if there is something that would have to, this is the end. False when this direction has ended.
awaitable<bool> Relay::hold_back(Direction direction) {
  char one = 0;
  const auto size = ::recv(source(direction).native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT);
  if (size == 0) co_return co_await say_end(direction);
  const error_code error(size < 0 ? errno : 0, boost::system::system_category());
  if (error == asio::error::would_block) co_return true;
  if (error) co_return fail(error, direction, true);
  co_await let_arrive(direction);
  reset(spent(direction));
  co_return false;
}

// What is within the budget is sent before the reset, if it is read soon.
awaitable<void> Relay::let_arrive(Direction direction) {
  const Deadline deadline(sink(direction), last_patience);
  co_await until_sent(direction);
}

awaitable<void> Relay::until_sent(Direction direction) {
  be_writable_when_sent(sink(direction));
  // An event that was on its way before that says only that there was room.
  while (!over_ && unsent(sink(direction)) > 0) {
    const auto [error] = co_await sink(direction).async_wait(tcp::socket::wait_write, as_result);
    if (error) co_return;
  }
}

// No byte came for a while: does a reader that is slow take what the kernel has?
bool Relay::is_sent_on() {
  const auto left = unsent(tool_) + unsent(far_);
  const bool moved = std::exchange(unsent_, left) != left;
  if (moved) last_byte_ = Clock::now();
  return moved;
}

// Of an HTTP request whose body is sent: only that the tool goes away.
awaitable<void> Relay::watch_for_reset() {
  const auto [error] = co_await tool_.async_wait(tcp::socket::wait_error, as_result);
  if (!error && !over_) reset(FlowReason::reset_by_tool);
}

// One side has said all. Always false: there is nothing more in this direction. What the kernel has of it still is sent
// first: until then this flow is one that can be cut.
awaitable<bool> Relay::say_end(Direction direction) {
  error_code ignored;
  if (direction == Direction::up && body_) {
    reset(FlowReason::reset_by_tool);  // in the middle of a body
  } else if (direction == Direction::down && body_) {
    over_ = true;
    tool_.cancel(ignored);
    far_.close(ignored);
  } else {
    co_await until_sent(direction);
    if (over_) co_return false;
    said_end_[static_cast<int>(direction)] = true;
    sink(direction).shutdown(tcp::socket::shutdown_send, ignored);
  }
  co_return false;
}

bool Relay::fail(const error_code&, Direction direction, bool reading) {
  const bool by_tool = (direction == Direction::up) == reading;
  reset(by_tool ? FlowReason::reset_by_tool : FlowReason::reset_by_peer);
  return false;
}

std::uint64_t Relay::left(Direction direction) const {
  return std::min(of_job_.left(direction), of_grant_.left(direction));
}

}  // namespace cordon::egress
