// Server-Sent Events out of a byte stream that arrives in any pieces. Pure.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cordon::cli {

struct ServerEvent {
  std::string type;  // "message" when the stream names none
  std::string data;
  bool operator==(const ServerEvent&) const = default;
};

class EventParser {
 public:
  explicit EventParser(std::string last_id = {}) : pending_id_(last_id), last_id_(std::move(last_id)) {}

  void feed(std::string_view bytes) { buffer_.append(bytes); }
  std::optional<ServerEvent> next();
  const std::string& last_id() const { return last_id_; }  // of the events already given out
  void restart();  // a new connection: what was cut short is forgotten, the last id is not

 private:
  std::optional<std::string> next_line();
  void take_field(std::string_view line);
  std::optional<ServerEvent> dispatch();

  std::string buffer_;
  std::size_t used_ = 0;
  std::string type_, data_, pending_id_, last_id_;
  bool has_data_ = false;
};

}  // namespace cordon::cli
