#include "cli/follow.hpp"

#include <fmt/format.h>

#include <optional>

#include "cli/failure.hpp"
#include "cli/job_request.hpp"
#include "cli/sse.hpp"

namespace cordon::cli {
namespace {

constexpr int max_reconnects = 6;  // in a row, without a single event between them
constexpr int first_pause_ms = 50;

class Following {
 public:
  Following(const Client& client, std::string target, WakeSignals& wake, const Watcher& watcher)
      : client_(client), target_(std::move(target)), wake_(wake), watcher_(watcher) {}

  Json to_the_end() {
    for (int attempt = 0; attempt <= max_reconnects; ++attempt) {
      const auto events_before = events_;
      if (auto job = one_connection()) return std::move(*job);
      if (events_ != events_before) attempt = 0;
      parser_.restart();
      if (wake_.wait(first_pause_ms << attempt)) stop_asked();
    }
    throw Failure("the connection to Cordon broke and cannot be resumed: how the job ended is not known here",
                  "ask again with `cordon logs`, or `cordon ps --all`");
  }

 private:
  std::optional<Json> one_connection() {
    Headers headers{"Accept: text/event-stream"};
    if (!parser_.last_id().empty()) headers.push_back("Last-Event-ID: " + parser_.last_id());
    Stream stream(client_, target_, headers);
    while (true) {
      const auto event = stream.wait(wake_.fd());
      if (event == Stream::Event::woken) {
        stop_asked();
        continue;
      }
      if (event == Stream::Event::ended && stream.status() / 100 == 2) return std::nullopt;
      if (stream.status() != 0 && stream.status() / 100 != 2) refuse(rest_of(stream));
      if (event == Stream::Event::ended) return std::nullopt;
      parser_.feed(stream.take());
      while (auto next = parser_.next()) {
        if (auto job = handle(*next)) return job;
      }
    }
  }

  Response rest_of(Stream& stream) {
    Response response{stream.status(), stream.take()};
    while (stream.wait(-1) == Stream::Event::bytes) response.body += stream.take();
    return response;
  }

  std::optional<Json> handle(const ServerEvent& event) {
    ++events_;
    if (event.type == "stdout") watcher_.on_stdout(decode_base64(event.data));
    if (event.type == "stderr") watcher_.on_stderr(decode_base64(event.data));
    if (event.type == "state") watcher_.on_state(parse_answer(event.data).value("state", ""));
    if (event.type == "finished") return parse_answer(event.data);
    return std::nullopt;
  }

  void stop_asked() {
    wake_.acknowledge();
    watcher_.on_wake();
  }

  const Client& client_;
  std::string target_;
  WakeSignals& wake_;
  const Watcher& watcher_;
  EventParser parser_;
  std::size_t events_ = 0;
};

}  // namespace

Json follow_job(const Client& client, const std::string& id, WakeSignals& wake, const Watcher& watcher) {
  return Following(client, "/v1/jobs/" + percent_encoded(id) + "/events", wake, watcher).to_the_end();
}

}  // namespace cordon::cli
