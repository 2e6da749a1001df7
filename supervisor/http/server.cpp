#include "supervisor/http/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "sandbox/kernel/check.hpp"
#include "supervisor/http/session.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

using asio::ip::tcp;
using asio::local::stream_protocol;

constexpr auto accept_pause = std::chrono::milliseconds(100);  // when there are no fds: others must end first
constexpr ConnectionTable::Limits scraper_limits{16, 8, true};
constexpr std::uint32_t nobodys_uid = static_cast<std::uint32_t>(-1);
constexpr ConnectionTable::Limits refused{8, 64};  // connections that are being told that they are refused

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

Rejection all_taken(std::size_t most) {
  return overloaded("connections_full", std::to_string(most) + " connections are open (max_connections)", 1);
}

std::function<void()> cutter(const ConnectionPtr& connection) {
  return [weak = std::weak_ptr(connection)] {
    if (const auto alive = weak.lock()) alive->cut();
  };
}

// Politely while there are few of them; whoever floods is cut off without a word. It is on the record either way.
void refuse(ConnectionPtr connection, Rejection rejection, ConnectionTable& refusals) {
  const auto executor = connection->socket.get_executor();
  auto seat = refusals.take(connection->caller.uid, refused, cutter(connection));
  if (!seat) return;
  asio::co_spawn(executor, refuse_connection(std::move(connection), std::move(rejection), std::move(*seat)),
                 asio::detached);
}

tl::expected<Account, Rejection> identify(const std::optional<Peer>& peer, const Listener& listener,
                                          const ActorsConfig& actors) {
  if (!peer || !may_use_socket(*peer, listener.group)) return tl::unexpected(not_yours(listener.path));
  return account_of(*peer, listener.role, actors);
}

void take_connection(Socket socket, const Listener& listener, Serving& shared, ConnectionTable& refusals) {
  const auto executor = socket.get_executor();
  const auto peer = peer_of(socket.native_handle());
  const auto& config = shared.api->catalog->config;
  const auto who = identify(peer, listener, config.actors);
  Caller caller{peer ? peer->uid : 0, listener.role, who ? *who : Account{}};
  if (peer && listener.role == Role::operator_)
    caller.groups = std::make_shared<const std::vector<gid_t>>(peer->groups);
  auto connection = std::make_shared<Connection>(std::move(socket), caller, shared.commons);
  if (!who) {
    keep_refusal(shared.api, peer ? std::optional(peer->uid) : std::nullopt, {}, who.error());
    return refuse(std::move(connection), who.error(), refusals);
  }
  const ConnectionTable::Limits limits{config.max_connections_per_uid,
                                       std::min<std::size_t>(config.max_connections, shared.most_connections)};
  auto seat = shared.connections->take(caller.uid, limits, cutter(connection));
  if (!seat) {
    const bool own = seat.error() == ConnectionTable::Full::of_uid;
    auto why = own ? too_many(caller.uid, limits.per_uid) : all_taken(limits.all);
    keep_refusal(shared.api, caller.uid, caller.account, why);
    return refuse(std::move(connection), std::move(why), refusals);
  }
  connection->seat = std::move(*seat);
  asio::co_spawn(executor, serve_connection(std::move(connection), shared.api, shared.bodies), asio::detached);
}

}  // namespace

stream_protocol::acceptor listen_on(const asio::any_io_executor& executor, const Listener& listener) {
  ::unlink(listener.path.c_str());
  const auto before = ::umask(0177);  // nobody else until the group is right
  stream_protocol::acceptor acceptor(executor, stream_protocol::endpoint(listener.path), false);
  ::umask(before);
  check(::chown(listener.path.c_str(), static_cast<uid_t>(-1), listener.group), "give to its group", listener.path);
  check(::chmod(listener.path.c_str(), 0660), "set the mode of", listener.path);
  return acceptor;
}

stream_protocol::acceptor listen_on(const asio::any_io_executor& executor, Fd listening) {
  return {executor, stream_protocol(), listening.release()};
}

tcp::acceptor listen_on(const asio::any_io_executor& executor, const LoopbackAddress& address) {
  const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
  try {
    return tcp::acceptor(executor, endpoint, true);
  } catch (const boost::system::system_error& e) {
    const auto where = address.host + " port " + std::to_string(address.port);
    throw KernelError("listen for scrapers (metrics.listen) on", where, e.code().value(),
                      e.code().value() == EAFNOSUPPORT ? "under systemd, cordond needs a drop-in for it: cordond(8)"
                                                       : "free the port, or choose another");
  }
}

namespace {

void take_scraper(Socket socket, Serving& shared, ConnectionTable& scrapers) {
  const auto executor = socket.get_executor();
  const Caller nobody{nobodys_uid, Role::scraper, {}};
  auto connection = std::make_shared<Connection>(std::move(socket), nobody, shared.commons);
  auto seat = scrapers.take(nobodys_uid, scraper_limits, cutter(connection));
  if (!seat) return;
  connection->seat = std::move(*seat);
  asio::co_spawn(executor, serve_connection(std::move(connection), shared.api, shared.bodies), asio::detached);
}

// Gives every connection to `take`, whatever kind of socket this is.
template <typename Acceptor, typename Take>
awaitable<void> accept_for_ever(Acceptor* acceptor, std::string name, Take take) {
  asio::steady_timer timer(acceptor->get_executor());
  for (;;) {
    auto [error, socket] = co_await acceptor->async_accept(as_result);
    if (!error) {
      take(Socket(std::move(socket)));
      continue;
    }
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
    log("accept_failed", {{"socket", name}, {"error", error.message()}}, Priority::warning);
    timer.expires_after(accept_pause);
    co_await timer.async_wait(as_result);
  }
}

}  // namespace

awaitable<void> accept_connections(stream_protocol::acceptor* acceptor, Listener listener, Serving shared) {
  ConnectionTable refusals;
  const auto take = [&](Socket socket) { take_connection(std::move(socket), listener, shared, refusals); };
  auto accepting = accept_for_ever(acceptor, listener.path, take);
  co_await std::move(accepting);
}

awaitable<void> accept_scrapers(tcp::acceptor* acceptor, Serving shared) {
  ConnectionTable scrapers;
  const auto take = [&](Socket socket) { take_scraper(std::move(socket), shared, scrapers); };
  auto accepting = accept_for_ever(acceptor, "metrics", take);
  co_await std::move(accepting);
}

}  // namespace cordon
