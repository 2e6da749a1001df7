#include "supervisor/jobs/lifeline.hpp"

#include <boost/asio/this_coro.hpp>

#include "sandbox/kernel/check.hpp"

namespace cordon {

awaitable<LifelinePtr> Lifeline::open(std::string socket_path, Preparation preparation) {
  const auto executor = co_await asio::this_coro::executor;
  auto connecting = LauncherSocket::connect(std::move(socket_path));
  auto socket = co_await std::move(connecting);
  const LifelinePtr line(new Lifeline(std::move(socket), executor));
  line->try_to_send(encode(preparation));
  co_return line;
}

awaitable<std::optional<Lifeline::Heard>> Lifeline::hear() {
  interrupt();
  const auto mine = listener_;
  for (;;) {
    waiting_ = true;
    const bool readable = co_await socket_.until_readable();
    if (mine != listener_) co_return std::nullopt;
    waiting_ = false;
    if (!readable) co_return std::nullopt;
    auto message = socket_.try_receive();
    if (message) co_return take(std::move(*message));
  }
}

void Lifeline::interrupt() {
  ++listener_;
  if (waiting_) socket_.cancel();
  waiting_ = false;
}

void Lifeline::send(const JobSpec& spec, const std::vector<int>& memfds) {
  try_to_send(encode(spec), memfds);
}

void Lifeline::try_to_send(std::string_view message, const std::vector<int>& fds) {
  try {
    socket_.send(message, fds);
  } catch (const KernelError& e) {
    if (e.error != EPIPE && e.error != ECONNRESET) throw;
    unsent_ = true;
  }
}

void Lifeline::close() {
  interrupt();
  socket_.close();
}

Lifeline::Heard Lifeline::take(ReceivedMessage message) {
  if (message.bytes.empty()) return Closed{"the launcher closed the lifeline without a report"};
  auto decoded = decode_launcher_message(message.bytes);
  if (!decoded) return Closed{"the launcher's message cannot be decoded"};
  if (auto* prepared = std::get_if<Prepared>(&*decoded)) return take(std::move(*prepared), std::move(message.fds));
  if (auto* started = std::get_if<Started>(&*decoded)) return std::move(*started);
  if (auto* finished = std::get_if<Finished>(&*decoded)) return std::move(*finished);
  return Closed{"the launcher answered something else"};
}

Lifeline::Heard Lifeline::take(Prepared prepared, std::vector<Fd> fds) {
  if (fds.size() != prepared_fd_count || prepared_) return Closed{"the launcher's answer had the wrong pipes"};
  cgroup_events_ = std::move(fds.at(cgroup_events_fd));
  fds.resize(cgroup_events_fd);
  for (auto& fd : fds) pipes_.emplace_back(executor_, fd.release());
  prepared_ = std::move(prepared);
  return Stands{};
}

}  // namespace cordon
