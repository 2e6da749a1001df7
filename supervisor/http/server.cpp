#include "supervisor/http/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/kernel/check.hpp"
#include "supervisor/http/session.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

using asio::local::stream_protocol;

constexpr auto accept_pause = std::chrono::milliseconds(100);          // when there are no fds: others must end first
constexpr std::uint32_t refused_uid = static_cast<std::uint32_t>(-1);  // nobody's: counts those that are being refused
constexpr std::size_t max_refused = 64;

Rejection not_yours(const std::string& path) {
  return {403, "not_a_member", "Forbidden", "this socket is not for you",
          "Ask to become a member of the group of " + path + "."};
}

Rejection too_many(std::uint32_t uid, std::size_t most) {
  Rejection r{429, "too_many_connections", "Too many connections",
              "you have " + std::to_string(most) + " connections already (max_connections_per_uid)",
              "Close some first."};
  r.retry_after = 1;
  r.limit = LimitReached{"uid", std::to_string(uid), "max_connections_per_uid", static_cast<double>(most)};
  return r;
}

// Politely while there are few of them; whoever floods is cut off without a word.
void refuse(ConnectionPtr connection, Rejection rejection, ConnectionCounts& counts) {
  const auto executor = connection->socket.get_executor();
  auto slot = counts.take(refused_uid, max_refused);
  if (!slot) return;
  asio::co_spawn(executor, refuse_connection(std::move(connection), std::move(rejection), std::move(slot)),
                 asio::detached);
}

tl::expected<Account, Rejection> identify(const std::optional<Peer>& peer, const Listener& listener,
                                          const ActorsConfig& actors) {
  if (!peer || !may_use_socket(*peer, listener.group)) return tl::unexpected(not_yours(listener.path));
  return account_of(*peer, listener.role, actors);
}

void take_connection(Socket socket, const Listener& listener, Api* api, ConnectionCounts& counts,
                     const BodyBudget& budget) {
  const auto executor = socket.get_executor();
  const auto peer = peer_of(socket.native_handle());
  const auto who = identify(peer, listener, api->catalog->config.actors);
  const Caller caller{peer ? peer->uid : 0, listener.role, who ? *who : Account{}};
  auto connection = std::make_shared<Connection>(std::move(socket), caller);
  if (!who) return refuse(std::move(connection), who.error(), counts);
  const auto most = api->catalog->config.max_connections_per_uid;
  if (auto slot = counts.take(caller.uid, most)) {
    asio::co_spawn(executor, serve_connection(std::move(connection), api, budget, std::move(slot)), asio::detached);
  } else {
    refuse(std::move(connection), too_many(caller.uid, most), counts);
  }
}

}  // namespace

std::shared_ptr<void> ConnectionCounts::take(std::uint32_t uid, std::size_t most) {
  auto& count = (*counts_)[uid];
  if (count >= most) return nullptr;
  ++count;
  return {counts_.get(), [counts = counts_, uid](void*) {
            if (--(*counts)[uid] == 0) counts->erase(uid);
          }};
}

stream_protocol::acceptor listen_on(const asio::any_io_executor& executor, const Listener& listener) {
  ::unlink(listener.path.c_str());
  const auto before = ::umask(0177);  // nobody else until the group is right
  stream_protocol::acceptor acceptor(executor, stream_protocol::endpoint(listener.path), false);
  ::umask(before);
  check(::chown(listener.path.c_str(), static_cast<uid_t>(-1), listener.group), "give to its group", listener.path);
  check(::chmod(listener.path.c_str(), 0660), "set the mode of", listener.path);
  return acceptor;
}

awaitable<void> accept_connections(stream_protocol::acceptor* acceptor, Listener listener, Api* api,
                                   ConnectionCounts counts, BodyBudget budget) {
  asio::steady_timer timer(acceptor->get_executor());
  for (;;) {
    auto [error, socket] = co_await acceptor->async_accept(as_result);
    if (!error) {
      take_connection(std::move(socket), listener, api, counts, budget);
      continue;
    }
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
    log("accept_failed", {{"socket", listener.path}, {"error", error.message()}});
    timer.expires_after(accept_pause);
    co_await timer.async_wait(as_result);
  }
}

}  // namespace cordon
