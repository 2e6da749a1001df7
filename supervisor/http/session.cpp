// The only file that has Beast parse requests.
#include "supervisor/http/session.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "supervisor/http/framing.hpp"
#include "supervisor/http/routes.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr auto head_time = std::chrono::seconds(10);        // from a head's first byte
constexpr auto body_time = std::chrono::seconds(30);        // for all of a body
constexpr auto linger_time = std::chrono::seconds(5);       // for what is still being sent to a connection that ends
constexpr std::size_t first_piece = std::size_t{2} * 1024;  // most heads need no more
constexpr std::size_t read_piece = std::size_t{16} * 1024;

using Buffer = beast::flat_buffer;
using Parser = http::request_parser<http::string_body>;
using Text = std::string_view;

Text text_of(const Buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

// A head and a piece of a body. Beast fills the buffer without a bound of its own while a chunk's header has no end.
constexpr std::size_t max_buffered = 2 * max_head_bytes;

enum class HeadEnd { closed, idle, too_slow, too_large };

// The size of the next head, once all of it is in the buffer.
awaitable<tl::expected<std::size_t, HeadEnd>> read_head(ConnectionPtr connection, Buffer* buffer) {
  using Failed = tl::unexpected<HeadEnd>;
  bool begun = false;
  std::size_t searched = 0;  // without finding an end: a head that comes byte by byte must not cost the square of it
  connection->now(Doing::idle);
  connection->expire_after(connection->commons.idle_time);
  for (;;) {
    while (text_of(*buffer).starts_with("\r\n")) buffer->consume(2);  // RFC 9112, 2.2: tolerated before a request
    const auto end = text_of(*buffer).find("\r\n\r\n", searched);
    searched = buffer->size() < 3 ? 0 : buffer->size() - 3;
    if (end != Text::npos && end + 4 <= max_head_bytes) co_return end + 4;
    if (buffer->size() >= max_head_bytes) co_return Failed(HeadEnd::too_large);
    if (buffer->size() > 0 && !begun) {
      begun = true;
      connection->now(Doing::reading);
      connection->expire_after(head_time);
    }
    if (buffer->size() == 0) {  // an idle connection holds no buffer
      buffer->shrink_to_fit();
      const auto [failed] = co_await connection->socket.async_wait(Socket::wait_read, as_result);
      if (failed)
        co_return Failed(!connection->expired() ? HeadEnd::closed : begun ? HeadEnd::too_slow : HeadEnd::idle);
    }
    const auto space = buffer->prepare(buffer->size() < first_piece ? first_piece : read_piece);
    const auto [error, size] = co_await connection->socket.async_read_some(space, as_result);
    if (error && connection->expired()) co_return Failed(begun ? HeadEnd::too_slow : HeadEnd::idle);
    if (error) co_return Failed(HeadEnd::closed);
    buffer->commit(size);
  }
}

Rejection bad_request(std::string detail) {
  return {400, "bad_request", "Bad request", std::move(detail), "Send one well-formed HTTP/1.1 request."};
}

Rejection too_large() {
  return {413, "body_too_large", "Content too large",
          "the body has more than " + std::to_string(max_body_bytes) + " bytes",
          "Send less; large inputs can be artifacts of earlier jobs."};
}

std::optional<Rejection> head_rejection(HeadEnd end) {
  if (end == HeadEnd::too_large) {
    return Rejection{431, "head_too_large", "Header fields too large", "the head has more than 64 KiB", "Send less."};
  }
  if (end == HeadEnd::too_slow)
    return Rejection{408, "too_slow", "Request timeout", "the head took too long", "Try again."};
  return std::nullopt;
}

Rejection parse_rejection(const beast::error_code& error) {
  if (error == http::error::body_limit) return too_large();
  if (error == http::error::bad_version) {
    return {505, "http_version", "HTTP version not supported", "only HTTP/1.1 and HTTP/1.0 are spoken",
            "Use HTTP/1.1."};
  }
  return bad_request("the request cannot be parsed: " + error.message());
}

std::optional<std::string> field(const Parser& parser, Text name) {
  const auto& fields = parser.get();
  const auto at = fields.find({name.data(), name.size()});
  if (at == fields.end()) return std::nullopt;
  return std::string(at->value().data(), at->value().size());
}

// What must be refused before the body is read; afterwards nobody would know where the next request begins.
std::optional<Rejection> refuse_unread(const Parser& parser, Role role) {
  if (role == Role::scraper && !parser.is_done()) return bad_request("no body is taken here");
  const auto length = parser.content_length();
  if (length && *length > max_body_bytes) return too_large();
  if (const auto expected = field(parser, "Expect"); expected && !beast::iequals(*expected, "100-continue")) {
    return Rejection{417, "expectation_failed", "Expectation failed", "only 100-continue is understood",
                     "Leave Expect out."};
  }
  return std::nullopt;
}

Rejection no_memory_for_bodies() {
  return overloaded("bodies_in_flight", "too many bytes of bodies at once", 1);
}

// The share grows with what has really come: to announce a body takes nothing from anybody.
awaitable<std::optional<Rejection>> read_body(ConnectionPtr connection, Buffer* buffer, Parser* parser,
                                              BodyBudget::Share* share) {
  connection->expire_after(body_time);
  if (field(*parser, "Expect") && parser->get().version() >= 11 && buffer->size() == 0) {
    co_await connection->write("HTTP/1.1 100 Continue\r\n\r\n");
  }
  while (!parser->is_done()) {
    const auto [error, size] = co_await http::async_read_some(connection->socket, *buffer, *parser, as_result);
    if (error && connection->expired())
      co_return Rejection{408, "too_slow", "Request timeout", "the body took too long", "Try again."};
    if (error) co_return parse_rejection(error);
    if (!share->grow_to(parser->get().body().size())) co_return no_memory_for_bodies();
  }
  co_return std::nullopt;
}

// The head's fields are taken before the body is read: what a trailer adds is not heard.
RequestPtr make_request(const Parser& parser, const Connection& connection) {
  auto request = std::make_shared<Request>();
  const auto method = parser.get().method_string();
  request->method.assign(method.data(), method.size());
  request->content_type = field(parser, "Content-Type");
  request->idempotency_key = field(parser, "Idempotency-Key");
  request->last_event_id = field(parser, "Last-Event-ID");
  request->caller = connection.caller;
  request->client = connection.client;
  return request;
}

awaitable<Answer> answer_safely(Api* api, RequestPtr request) {
  try {
    auto answered = answer(api, request);
    co_return co_await std::move(answered);
  } catch (const std::exception& e) {
    log("internal_error", {{"method", request->method}, {"error", e.what()}});
    co_return tl::unexpected(Rejection{500, "internal_error", "Internal error",
                                       "cordond failed at this request: " + std::string(e.what()),
                                       "Try again; if it stays, tell the operator what the log says."});
  }
}

awaitable<bool> refuse_and_close(ConnectionPtr connection, Rejection rejection) {
  const Framing framing{false, false, true};
  connection->now(Doing::writing);
  connection->commons.metrics.request_answered("", rejection.status);
  connection->commons.metrics.request_refused(rejection.code);
  auto response = problem_response(rejection);
  co_await write_response(connection, std::move(response), framing);
  co_return false;
}

awaitable<Answer> handle(ConnectionPtr connection, Api* api, RequestPtr request, std::string target, bool has_host) {
  if (!has_host) co_return tl::unexpected(bad_request("HTTP/1.1 needs a Host header"));
  auto parsed = parse_target(target);
  if (!parsed) co_return tl::unexpected(bad_request("the request target cannot be read"));
  request->target = std::move(*parsed);
  connection->expire_never();
  connection->watch_client();
  auto answered = answer_safely(api, request);
  co_return co_await std::move(answered);
}

// One request and its answer. False: the connection ends.
awaitable<bool> serve_one(ConnectionPtr connection, Api* api, const BodyBudget* bodies, Buffer* buffer) {
  const auto head = co_await read_head(connection, buffer);
  if (!head) {
    auto rejection = head_rejection(head.error());
    if (rejection) co_await refuse_and_close(connection, std::move(*rejection));
    co_return false;
  }
  if (auto fault = framing_fault(text_of(*buffer).substr(0, *head)); !fault.empty()) {
    co_return co_await refuse_and_close(connection, bad_request(std::move(fault)));
  }
  Parser parser;
  parser.header_limit(max_head_bytes);
  parser.body_limit(max_body_bytes);
  beast::error_code error;
  buffer->consume(parser.put(buffer->data(), error));
  if (error && error != http::error::need_more) co_return co_await refuse_and_close(connection, parse_rejection(error));
  if (auto refused = refuse_unread(parser, connection->caller.role))
    co_return co_await refuse_and_close(connection, std::move(*refused));

  const auto request = make_request(parser, *connection);
  const bool has_host = parser.get().version() < 11 || field(parser, "Host");
  const auto raw_target = parser.get().target();
  std::string target(raw_target.data(), raw_target.size());
  if (!parser.is_done()) {
    request->body_share = bodies->share_of(connection->caller.uid);
    auto refused = co_await read_body(connection, buffer, &parser, request->body_share.get());
    if (refused) co_return co_await refuse_and_close(connection, std::move(*refused));
    request->body = std::move(parser.get().body());
  }
  request->received = Clock::now();
  const Framing framing{request->method == "HEAD", parser.keep_alive(), parser.get().version() >= 11};
  connection->now(Doing::working);
  connection->expire_never();
  co_await connection->turn();
  auto handled = handle(connection, api, request, std::move(target), has_host);
  const auto answered = co_await std::move(handled);
  auto response = answered ? *answered : problem_response(answered.error());
  connection->commons.metrics.request_answered(request->method, response.status);
  if (!answered) connection->commons.metrics.request_refused(answered.error().code);
  connection->now(Doing::writing);
  co_return co_await write_response(connection, std::move(response), framing);
}

// A client that is still sending would get a reset instead of our last answer: read on for a while (RFC 9112, 9.6).
awaitable<void> linger(ConnectionPtr connection) {
  boost::system::error_code ignored;
  connection->socket.shutdown(Socket::shutdown_send, ignored);
  connection->expire_after(linger_time);
  std::string sink(read_piece, '\0');
  for (;;) {
    const auto [error, size] = co_await connection->socket.async_read_some(asio::buffer(sink), as_result);
    if (error) break;
  }
}

}  // namespace

awaitable<void> serve_connection(ConnectionPtr connection, Api* api, BodyBudget bodies) {
  Buffer buffer(max_buffered);
  try {
    while (co_await serve_one(connection, api, &bodies, &buffer)) {
    }
    if (!connection->expired()) co_await linger(connection);  // whoever takes nothing is owed nothing
  } catch (const std::exception& e) {
    log("connection_failed", {{"error", e.what()}});
  }
  connection->expire_never();
}

awaitable<void> refuse_connection(ConnectionPtr connection, Rejection rejection,
                                  [[maybe_unused]] ConnectionTable::SeatPtr seat) {
  try {
    co_await refuse_and_close(connection, std::move(rejection));
    co_await linger(connection);
  } catch (const std::exception& e) {
    log("connection_failed", {{"error", e.what()}});
  }
}

}  // namespace cordon
