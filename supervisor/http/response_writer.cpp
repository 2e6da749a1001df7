#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>

#include "sandbox/kernel/check.hpp"
#include "supervisor/http/connection.hpp"
#include "supervisor/http/event_stream.hpp"

namespace cordon {
namespace {

constexpr auto write_time = std::chrono::seconds(20);  // for each piece; whoever takes nothing for so long is cut off
constexpr auto event_pause = std::chrono::seconds(15);
constexpr std::string_view last_chunk = "0\r\n\r\n";
constexpr std::size_t file_piece = std::size_t{64} * 1024;

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

Response too_many_answers() {
  return problem_response(overloaded("answers_in_flight", "too many bytes of answers are being sent to you", 1));
}

// Large ones of slow readers would be a memory that nobody counts.
BodyBudget::SharePtr hold(const Connection& connection, Response& response, Framing& framing) {
  auto share = connection.commons.answers.share_of(connection.caller.uid);
  if (share->grow_to(std::get<std::string>(response.body).size())) return share;
  response = too_many_answers();
  framing.keep_alive = false;
  return share;
}

// A job that was read back from the journal, which is memory of whoever asks for it; nullptr: none.
const Job* read_back(const Response& response) {
  const Job* job = nullptr;
  if (const auto* output = std::get_if<OutputBody>(&response.body)) job = output->job.get();
  if (const auto* body = std::get_if<JobBody>(&response.body)) job = &body->text->job();
  if (const auto* events = std::get_if<EventsBody>(&response.body)) job = events->job.get();
  return job != nullptr && job->told ? job : nullptr;
}

awaitable<bool> write_text(ConnectionPtr connection, Response response, Framing framing) {
  const auto share = hold(*connection, response, framing);
  const auto& body = std::get<std::string>(response.body);
  const auto head = render_head(response, framing, body.size());
  connection->expire_after(write_time);
  const bool good = co_await connection->write(head, framing.head_only ? std::string_view() : std::string_view(body));
  co_return good&& framing.keep_alive;
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
    co_await connection->turn();
    const auto size = check(::read(file.get(), piece.data(), piece.size()), "read artifact");
    if (size == 0) co_return false;  // shorter than it was: the framing is broken
    connection->expire_after(write_time);
    good = co_await connection->write(std::string_view(piece).substr(0, static_cast<std::size_t>(size)));
    left -= static_cast<std::uint64_t>(size);
  }
  co_return good;
}

// From the job's own memory, piece by piece: it may grow meanwhile, and many may read it.
awaitable<bool> write_output(ConnectionPtr connection, Response response, Framing framing) {
  const auto output = std::get<OutputBody>(response.body);
  const auto head = render_head(response, framing, output.size);
  connection->expire_after(write_time);
  bool good = co_await connection->write(head);
  for (std::uint64_t sent = 0; good && !framing.head_only && sent < output.size;) {
    co_await connection->turn();
    const auto kept = output.job->output[static_cast<std::size_t>(output.stream)].kept();
    const std::string piece(kept.substr(sent, std::min<std::uint64_t>(file_piece, output.size - sent)));
    connection->expire_after(write_time);
    good = co_await connection->write(piece);
    sent += piece.size();
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
    co_await connection->turn();
    const auto piece = text->next();
    if (!piece) break;
    const auto chunk = as_chunk(*piece, framing.chunked);
    connection->expire_after(write_time);
    good = co_await connection->write(chunk);
  }
  if (good && framing.chunked) good = co_await connection->write(last_chunk);
  co_return good;
}

awaitable<bool> write_event(ConnectionPtr connection, std::string text) {
  connection->expire_after(write_time);
  const bool good = co_await connection->write(text);
  if (good) connection->expire_never();
  co_return good;
}

// At the reader's pace: nobody waits for whoever reads slowly, and whoever does not read at all is cut off.
awaitable<bool> write_events(ConnectionPtr connection, Response response, Framing framing) {
  const auto source = std::get<EventsBody>(response.body).source;
  auto head = render_head(response, framing, std::nullopt);
  bool good = co_await write_event(connection, std::move(head));
  if (framing.head_only) co_return good;
  connection->watch_client();
  const auto client = connection->client;
  const Watch watch(source->changes(), client->waker);
  auto next_comment = Clock::now() + event_pause;
  while (good && !client->gone) {
    co_await connection->turn();
    std::string text;
    if (auto event = source->next()) {
      text = std::move(*event);
    } else if (source->done()) {
      break;
    } else if (Clock::now() >= next_comment) {
      text = ": still here\n\n";
    } else {
      co_await client->waker.sleep(next_comment);
      continue;
    }
    auto chunk = as_chunk(text, framing.chunked);
    good = co_await write_event(connection, std::move(chunk));
    next_comment = Clock::now() + event_pause;
  }
  if (!good || client->gone) co_return false;
  if (framing.chunked) co_return co_await write_event(connection, std::string(last_chunk));
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

Response events_response(std::shared_ptr<EventSource> source, JobPtr job) {
  Response response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = EventsBody{std::move(source), std::move(job)};
  return response;
}

awaitable<bool> write_response(ConnectionPtr connection, Response response, Framing framing) {
  const auto share = connection->commons.answers.share_of(connection->caller.uid);
  const auto* job = read_back(response);
  if (job != nullptr && !share->grow_to(job->output_memory())) {
    response = too_many_answers();
    framing.keep_alive = false;
  }
  const bool has_length =
      !std::holds_alternative<JobBody>(response.body) && !std::holds_alternative<EventsBody>(response.body);
  framing.keep_alive = framing.keep_alive && (has_length || framing.chunked);
  constexpr std::array writers{write_text, write_file, write_output, write_job,
                               write_events};  // in the variant's order
  const auto writer = writers[response.body.index()];
  auto written = writer(connection, std::move(response), framing);
  const bool good = co_await std::move(written);
  co_return good&& framing.keep_alive;
}

}  // namespace cordon
