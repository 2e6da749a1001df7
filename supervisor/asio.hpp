// The parts of Asio that this folder uses. One io_context, one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace cordon {

namespace asio = boost::asio;
using asio::awaitable;
using Clock = std::chrono::steady_clock;

// co_await x(…, as_result): a tuple with the error code first, instead of an exception.
inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

}  // namespace cordon
