// `cordon events`: what operators should know, as it happens; to people, to programs, or to a hook.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "cli/commands.hpp"
#include "cli/event_line.hpp"
#include "cli/failure.hpp"
#include "cli/hook.hpp"
#include "cli/sse.hpp"
#include "cli/terminal.hpp"
#include "cli/wake_signals.hpp"

namespace cordon::cli {
namespace {

constexpr int first_pause_ms = 200, longest_pause_ms = 5000;
constexpr std::array retry_pauses_ms{1000, 5000};  // a hook that failed is tried once more after each

struct Stop {};  // a signal, or nobody reads us any more

bool is_id(const std::string& text) {
  return !text.empty() && text.size() <= 20 && text.find_first_not_of("0123456789") == std::string::npos;
}

// Where an earlier life of this command had got to; empty: nowhere yet.
std::string read_resume(const std::string& file) {
  std::string id;
  std::ifstream(file) >> id;
  if (!id.empty() && !is_id(id)) throw Failure(fmt::format("{} holds no id of an event", file), "remove it");
  return id;
}

// All or nothing (rename(2)): a crash leaves the old id or the new one.
void write_resume(const std::string& file, const std::string& id) {
  const auto fresh = file + ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << id << "\n";
  out.close();
  std::error_code error;
  if (!out) error = std::error_code(errno, std::generic_category());
  if (!error) std::filesystem::rename(fresh, file, error);
  if (error) throw Failure(fmt::format("cannot write {}: {}", file, error.message()));
}

void note(const std::string& text) {
  fmt::print(stderr, "cordon: {}\n", text);
}

class Watching {
 public:
  Watching(const Session& session, const EventsOptions& options)
      : session_(session),
        options_(options),
        client_(session.runtime_dir + "/operator.sock"),
        hook_(options.hook, std::chrono::seconds(options.timeout_s)),
        parser_(!options.since.empty() || options.resume_file.empty() ? options.since
                                                                      : read_resume(options.resume_file)) {}

  void to_the_end() {
    one_connection();  // a Cordon that is not there at all is a failure; one that goes away comes back
    for (int pause = first_pause_ms; goes_on();) {
      pause_for(pause);
      const auto before = parser_.last_id();
      parser_.restart();
      try {
        one_connection();
      } catch (const Failure& failure) {
        if (handling_ || !failure.problem.empty()) throw;  // a fault of our own, or it answered, and refused
      }
      pause = parser_.last_id() == before ? std::min(pause * 2, longest_pause_ms) : first_pause_ms;
    }
  }

 private:
  bool goes_on() const { return options_.follow || !options_.hook.empty(); }

  void pause_for(int milliseconds) {
    if (wake_.wait(milliseconds)) throw Stop{};
  }

  void one_connection() {
    Headers headers{"Accept: text/event-stream"};
    if (!parser_.last_id().empty()) headers.push_back("Last-Event-ID: " + parser_.last_id());
    Stream stream(client_, goes_on() ? "/v1/events" : "/v1/events?follow=false", headers);
    for (;;) {
      const auto event = stream.wait(wake_.fd());
      if (event == Stream::Event::woken) throw Stop{};
      if (stream.status() != 0 && stream.status() / 100 != 2) refuse(rest_of(stream));
      if (event == Stream::Event::ended) return;
      parser_.feed(stream.take());
      while (const auto next = parser_.next()) {
        handling_ = true;
        handle(*next);
        handling_ = false;
      }
    }
  }

  static Response rest_of(Stream& stream) {
    Response response{stream.status(), stream.take()};
    while (stream.wait(-1) == Stream::Event::bytes) response.body += stream.take();
    return response;
  }

  void handle(const ServerEvent& event) {
    if (options_.hook.empty()) {
      print(event);
    } else {
      call_hook(event);
    }
    if (!options_.resume_file.empty()) write_resume(options_.resume_file, parser_.last_id());
  }

  void print(const ServerEvent& event) const {
    const auto line = session_.json ? event.data : event_line(parse_answer(event.data));
    if (!write_all(STDOUT_FILENO, line + "\n")) throw Stop{};
  }

  void call_hook(const ServerEvent& event) {
    for (std::size_t attempt = 0;; ++attempt) {
      const auto end = hook_.run(event.data + "\n", wake_.fd());
      if (end == HookEnd::interrupted) throw Stop{};
      if (end == HookEnd::succeeded) return;
      const bool last = attempt == retry_pauses_ms.size();
      note(fmt::format("the hook failed at event {} ({}): {}{}", parser_.last_id(), for_one_line(event.type),
                       hook_.trouble(), last ? "; given up" : "; it is tried again"));
      if (last) return;
      pause_for(retry_pauses_ms.at(attempt));
    }
  }

  const Session& session_;
  const EventsOptions& options_;
  Client client_;
  Hook hook_;
  WakeSignals wake_;
  EventParser parser_;
  bool handling_ = false;  // an event: what fails meanwhile is not the connection
};

}  // namespace

int watch_events(const Session& session, const EventsOptions& options) {
  if (!options.since.empty() && !is_id(options.since)) {
    throw Failure("--since takes the id of an event", "`cordon events --json` shows them");
  }
  try {
    Watching(session, options).to_the_end();
  } catch (const Stop&) {
    return 0;
  }
  return 0;
}

}  // namespace cordon::cli
