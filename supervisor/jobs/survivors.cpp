#include "supervisor/jobs/survivors.hpp"

#include <fcntl.h>

#include <boost/asio/this_coro.hpp>
#include <memory>

#include "sandbox/kernel/cgroup_events.hpp"
#include "sandbox/kernel/check.hpp"
#include "supervisor/waker.hpp"

namespace cordon {
namespace {

// Not open when there is no descriptor left for it: then nothing wakes who waits before the deadline.
asio::posix::stream_descriptor watch(const asio::any_io_executor& executor, const Fd& events) {
  asio::posix::stream_descriptor watched(executor);
  Fd copy(::fcntl(events.get(), F_DUPFD_CLOEXEC, 0));
  boost::system::error_code error;
  if (copy) watched.assign(copy.get(), error);
  if (copy && !error) copy.release();
  return watched;
}

// Rings `waker` when the kernel's word has changed since it was last read.
void await_change(asio::posix::stream_descriptor& events, const std::shared_ptr<Waker>& waker) {
  events.async_wait(asio::posix::descriptor_base::wait_error, [waker](boost::system::error_code error) {
    if (!error) waker->ring();
  });
}

}  // namespace

bool may_live(const Fd& events) {
  try {
    return is_populated(events);
  } catch (const KernelError&) {
    return true;
  }
}

awaitable<bool> until_empty(const Fd* events, Clock::time_point deadline) {
  const auto executor = co_await asio::this_coro::executor;
  const auto waker = std::make_shared<Waker>(executor);  // a handler that is queued may come after us
  auto watched = watch(executor, *events);
  while (may_live(*events)) {
    if (Clock::now() >= deadline) co_return false;
    await_change(watched, waker);
    co_await waker->sleep(deadline);
  }
  co_return true;
}

void Survivors::add(std::string id, Membership membership, Fd events) {
  sandboxes_.insert_or_assign(std::move(id), Sandbox{std::move(membership), std::move(events)});
}

std::vector<std::string> Survivors::in(const Scope& scope) {
  std::erase_if(sandboxes_, [](const auto& entry) { return !may_live(entry.second.events); });
  std::vector<std::string> ids;
  for (const auto& [id, sandbox] : sandboxes_)
    if (contains(scope, sandbox.membership)) ids.push_back(id);
  return ids;
}

}  // namespace cordon
