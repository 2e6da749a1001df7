#include "cli/sse.hpp"

#include <utility>

namespace cordon::cli {

std::optional<ServerEvent> EventParser::next() {
  while (auto line = next_line()) {
    if (!line->empty()) {
      take_field(*line);
    } else if (auto event = dispatch()) {
      return event;
    }
  }
  return std::nullopt;
}

void EventParser::restart() {
  buffer_.clear();
  used_ = 0;
  type_.clear();
  data_.clear();
  has_data_ = false;
  pending_id_ = last_id_;
}

std::optional<std::string> EventParser::next_line() {
  const auto end = buffer_.find_first_of("\r\n", used_);
  const bool lone_cr_at_end = end != std::string::npos && buffer_[end] == '\r' && end + 1 == buffer_.size();
  if (end == std::string::npos || lone_cr_at_end) {  // a "\n" may still follow the "\r"
    buffer_.erase(0, std::exchange(used_, 0));
    return std::nullopt;
  }
  auto line = buffer_.substr(used_, end - used_);
  used_ = end + (buffer_[end] == '\r' && buffer_[end + 1] == '\n' ? 2 : 1);
  return line;
}

void EventParser::take_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == 0) return;  // a comment: keep-alive
  const auto name = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") type_ = value;
  if (name == "id" && value.find('\0') == std::string_view::npos) pending_id_ = value;
  if (name == "data") {
    if (std::exchange(has_data_, true)) data_ += '\n';
    data_ += value;
  }
}

std::optional<ServerEvent> EventParser::dispatch() {
  last_id_ = pending_id_;
  auto type = std::exchange(type_, {});
  auto data = std::exchange(data_, {});
  if (!std::exchange(has_data_, false)) return std::nullopt;
  return ServerEvent{type.empty() ? "message" : std::move(type), std::move(data)};
}

}  // namespace cordon::cli
