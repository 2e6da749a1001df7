#include "netfilter/proxy/control.hpp"

#include <malloc.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "netfilter/proxy/job.hpp"
#include "netfilter/proxy/sockets.hpp"

namespace cordon::egress {

namespace {

constexpr std::size_t most_jobs = 4096;
constexpr auto pause_without_room = std::chrono::milliseconds(20);
constexpr std::size_t many_jobs = 32;
constexpr auto last_ends = std::chrono::seconds(1);  // of flows, behind their job

}  // namespace

Control::Control(asio::io_context& io, int listening, Peers peers, Resolver& resolver, Evidence& evidence)
    : io_(io), listener_(io, listening), peers_(peers), resolver_(resolver), evidence_(evidence) {}

void Control::start() {
  evidence_.on_revoke([this](const RevokeEgress& revoked) { revoke(revoked); });
  asio::co_spawn(io_, accept_peers(), asio::detached);
}

awaitable<void> Control::accept_peers() {
  for (;;) {
    const auto [error] = co_await listener_.async_wait(Descriptor::wait_read, as_result);
    if (error) co_return;
    const int fd = ::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      if (auto peer = waitable(io_.get_executor(), fd)) take(std::move(*peer));
    } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
      asio::steady_timer pause(io_, pause_without_room);
      co_await pause.async_wait(as_result);
    }
  }
}

void Control::take(Descriptor peer) {
  const auto uid = uid_of_peer(peer.native_handle());
  if (!uid) return;
  if (*uid == peers_.watcher_uid) return evidence_.connect(std::move(peer));
  if (*uid == peers_.launcher_uid) asio::co_spawn(io_, serve_launcher(std::move(peer)), asio::detached);
}

void Control::revoke(const RevokeEgress& revoked) {
  for (const auto& job : revoked.jobs)
    if (const auto at = jobs_.find(job); at != jobs_.end()) at->second->revoke(revoked.why);
  evidence_.tell(Revoked{revoked.jobs});
}

EgressRefusal Control::check(const std::optional<EgressJob>& job, Packet& packet) const {
  if (packet.state != Packet::State::whole || !job) return EgressRefusal::malformed;
  if (!evidence_.connected()) return EgressRefusal::no_evidence;
  if (!are_listeners_of(*job, packet.fds)) return EgressRefusal::descriptors;
  if (jobs_.contains(job->id)) return EgressRefusal::duplicate;
  return jobs_.size() < most_jobs ? EgressRefusal::none : EgressRefusal::no_room;
}

// Its life is the job's.
awaitable<void> Control::serve_launcher(Descriptor launcher) {
  const auto [error] = co_await launcher.async_wait(Descriptor::wait_read, as_result);
  if (error) co_return;
  auto packet = receive_packet(launcher, max_egress_message, max_egress_fds);
  if (packet.state == Packet::State::closed) co_return;
  auto asked = decode_egress_job(packet.bytes);
  std::string().swap(packet.bytes);  // its room, which is a message's largest, is not held as long as the job lives
  const auto refusal = check(asked, packet);
  if (refusal != EgressRefusal::none) {
    ++evidence_.figures().jobs_refused;
    packet.fds.clear();  // who is refused finds nothing of it left here
    send_packet(launcher, encode(EgressAnswer{refusal}));
    co_return;
  }
  const auto id = asked->id;
  auto job = std::make_shared<Job>(io_, std::move(*asked), std::move(packet.fds), resolver_, evidence_);
  jobs_.emplace(id, job);
  most_at_once_ = std::max(most_at_once_, jobs_.size());
  job->start();
  if (send_packet(launcher, encode(EgressAnswer{})) == Sent::whole)
    co_await launcher.async_wait(Descriptor::wait_read, as_result);  // nothing more is to come but the end
  job->end();
  jobs_.erase(id);
  if (jobs_.empty() && std::exchange(most_at_once_, 0) >= many_jobs)
    asio::co_spawn(io_, give_memory_back(), asio::detached);
}

// What many jobs took is not kept for the next many.
awaitable<void> Control::give_memory_back() {
  asio::steady_timer moment(io_, last_ends);
  co_await moment.async_wait(as_result);
  if (jobs_.empty()) ::malloc_trim(0);
}

}  // namespace cordon::egress
