#include "supervisor/http/connection.hpp"

#include <array>
#include <boost/asio/write.hpp>

namespace cordon {

void Connection::expire_after(Clock::duration time) {
  expired_ = false;
  const auto mine = ++deadline_;
  timer_.expires_after(time);
  timer_.async_wait([weak = weak_from_this(), mine](boost::system::error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->deadline_ != mine) return;
    self->expired_ = true;
    boost::system::error_code ignored;  // it may have been cut in the same moment
    self->socket.cancel(ignored);
  });
}

void Connection::expire_never() {
  expired_ = false;
  ++deadline_;
  timer_.cancel();
}

void Connection::watch_client() {
  if (watched_ || client->gone) return;
  watched_ = true;
  // EPOLLHUP: on a Unix socket that is both directions closed, never a mere half-close.
  socket.async_wait(Socket::wait_error, [weak = weak_from_this(), who = client](boost::system::error_code error) {
    if (const auto self = weak.lock()) self->watched_ = false;
    if (error) return;
    who->gone = true;
    who->waker.ring();
  });
}

void Connection::cut() {
  client->gone = true;
  client->waker.ring();
  expire_never();
  boost::system::error_code ignored;
  socket.close(ignored);
}

awaitable<bool> Connection::write(std::string_view bytes, std::string_view more) {
  const std::array buffers{asio::buffer(bytes.data(), bytes.size()), asio::buffer(more.data(), more.size())};
  const auto [error, size] = co_await asio::async_write(socket, buffers, as_result);
  co_return !error;
}

}  // namespace cordon
