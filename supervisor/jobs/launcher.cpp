#include "supervisor/jobs/launcher.hpp"

#include <boost/asio/this_coro.hpp>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/check.hpp"

namespace cordon {

void Launcher::set_generation(std::uint64_t generation) {
  generation_ = generation;
  if (page_) page_->set(generation);
}

// One greeting at a time: the answer waits for every sandbox there is, and a second one would wait for what the first
// has let in.
awaitable<void> Launcher::reach(Clock::time_point deadline) {
  Waker waker(co_await asio::this_coro::executor);
  const Watch watch(greeted_, waker);
  while (greeting_ && Clock::now() < deadline) co_await waker.sleep(deadline);
  if (is_there()) co_return;
  if (greeting_) throw KernelError("greet the launcher", socket_path_, ETIMEDOUT);
  greeting_ = true;
  std::exception_ptr trouble;
  try {
    co_await greet(deadline);
  } catch (...) {
    trouble = std::current_exception();
  }
  greeting_ = false;
  greeted_.ring();
  if (trouble) std::rethrow_exception(trouble);
}

awaitable<void> Launcher::until_gone() {
  const auto line = line_;
  if (!line) co_return;
  try {
    co_await line->receive();  // it says nothing more: this is its end
  } catch (const std::exception&) {
    line_.reset();  // a line that cannot be read has ended, too
  }
  gone_since_ = Clock::now();
}

Clock::duration Launcher::away() const {
  return gone_since_ && !is_there() ? Clock::now() - *gone_since_ : Clock::duration::zero();
}

awaitable<void> Launcher::greet(Clock::time_point deadline) {
  const auto executor = co_await asio::this_coro::executor;
  auto connected = co_await LauncherSocket::connect(socket_path_);
  const auto socket = std::make_shared<LauncherSocket>(std::move(connected));
  socket->send(encode_hello());
  asio::steady_timer timer(executor, deadline);
  timer.async_wait([weak = std::weak_ptr(socket)](boost::system::error_code error) {
    const auto alive = weak.lock();
    if (!error && alive) alive->cancel();
  });
  auto answer = co_await socket->receive();
  take(std::move(answer));
  line_ = socket;
  gone_since_.reset();
}

void Launcher::take(ReceivedMessage answer) {
  const auto message = decode_launcher_message(answer.bytes);
  const auto* ready = message ? std::get_if<Ready>(&*message) : nullptr;
  if (ready == nullptr || answer.fds.size() != ready_fd_count)
    throw KernelError("greet the launcher", socket_path_, EPROTO, "Are both of one version?");
  page_.emplace(answer.fds.front());
  page_->set(generation_);
  ready_ = *ready;
}

}  // namespace cordon
