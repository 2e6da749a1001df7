#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/beast/http/status.hpp>

#include "sandbox/kernel/check.hpp"
#include "supervisor/http/connection.hpp"
#include "supervisor/http/event_stream.hpp"

namespace cordon {
namespace {

constexpr auto write_time = std::chrono::seconds(60);  // for each piece
constexpr auto event_pause = std::chrono::seconds(15);
constexpr std::string_view last_chunk = "0\r\n\r\n";
constexpr std::size_t file_piece = std::size_t{256} * 1024;

std::string reason(unsigned status) {
  const auto text = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {text.data(), text.size()};
}

std::string render_head(const Response& response, Framing framing, std::optional<std::uint64_t> length) {
  auto head =
      fmt::format("HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\nContent-Type: {}\r\n", response.status,
                  reason(response.status), fmt::gmtime(std::time(nullptr)), response.content_type);
  for (const auto& [name, value] : response.headers) head.append(name).append(": ").append(value).append("\r\n");
  if (length) {
    head += fmt::format("Content-Length: {}\r\n", *length);
  } else if (framing.chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  }
  return head + (framing.keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

awaitable<bool> write_text(ConnectionPtr connection, Response response, Framing framing) {
  const auto& body = std::get<std::string>(response.body);
  auto text = render_head(response, framing, body.size());
  if (!framing.head_only) text += body;
  connection->expire_after(write_time);
  co_return co_await connection->write(text);
}

awaitable<bool> write_file(ConnectionPtr connection, Response response, Framing framing) {
  const auto& stored = *std::get<FileBody>(response.body).file;
  const auto file = stored.open();
  const auto head = render_head(response, framing, stored.size());
  connection->expire_after(write_time);
  bool good = co_await connection->write(head);
  if (framing.head_only) co_return good;
  std::string piece(file_piece, '\0');
  for (auto left = stored.size(); good && left > 0;) {
    const auto size = check(::read(file.get(), piece.data(), piece.size()), "read artifact");
    if (size == 0) co_return false;  // shorter than it was: the framing is broken
    connection->expire_after(write_time);
    good = co_await connection->write(std::string_view(piece).substr(0, static_cast<std::size_t>(size)));
    left -= static_cast<std::uint64_t>(size);
  }
  co_return good;
}

std::string as_chunk(std::string_view text, bool chunked) {
  return chunked ? fmt::format("{:x}\r\n{}\r\n", text.size(), text) : std::string(text);
}

awaitable<bool> write_job(ConnectionPtr connection, Response response, Framing framing) {
  const auto text = std::get<JobBody>(response.body).text;
  const auto head = render_head(response, framing, std::nullopt);
  connection->expire_after(write_time);
  bool good = co_await connection->write(head);
  if (framing.head_only) co_return good;
  while (good) {
    const auto piece = text->next();
    if (!piece) break;
    const auto chunk = as_chunk(*piece, framing.chunked);
    connection->expire_after(write_time);
    good = co_await connection->write(chunk);
  }
  if (good && framing.chunked) good = co_await connection->write(last_chunk);
  co_return good;
}

// At the reader's pace: whoever reads slowly finds everything in the job later, and nobody waits for it.
awaitable<bool> write_events(ConnectionPtr connection, Response response, Framing framing) {
  const auto events = std::get<EventsBody>(response.body);
  const auto head = render_head(response, framing, std::nullopt);
  connection->expire_never();
  bool good = co_await connection->write(head);
  if (framing.head_only) co_return good;
  EventReader reader(events.job, events.from);
  const auto client = connection->client;
  const Watch watch(events.job->changes, client->waker);
  auto next_comment = Clock::now() + event_pause;
  while (good && !client->gone && !reader.done()) {
    std::string text;
    if (auto event = reader.next()) {
      text = std::move(*event);
    } else if (Clock::now() >= next_comment) {
      text = ": still here\n\n";
    } else {
      co_await client->waker.sleep(next_comment);
      continue;
    }
    const auto chunk = as_chunk(text, framing.chunked);
    good = co_await connection->write(chunk);
    next_comment = Clock::now() + event_pause;
  }
  if (!good || !reader.done()) co_return false;
  if (framing.chunked) co_return co_await connection->write(last_chunk);
  co_return true;
}

}  // namespace

Response problem_response(const Rejection& rejection) {
  Response response;
  response.status = rejection.status;
  response.content_type = "application/problem+json";
  if (rejection.retry_after) response.headers.emplace_back("Retry-After", std::to_string(*rejection.retry_after));
  if (!rejection.allow.empty()) response.headers.emplace_back("Allow", rejection.allow);
  response.body = problem_json(rejection);
  return response;
}

awaitable<bool> write_response(ConnectionPtr connection, Response response, Framing framing) {
  const bool has_length =
      std::holds_alternative<std::string>(response.body) || std::holds_alternative<FileBody>(response.body);
  framing.keep_alive = framing.keep_alive && (has_length || framing.chunked);
  constexpr std::array writers{write_text, write_file, write_job, write_events};  // in the variant's order
  const auto writer = writers[response.body.index()];
  auto written = writer(connection, std::move(response), framing);
  const bool good = co_await std::move(written);
  co_return good&& framing.keep_alive;
}

}  // namespace cordon
