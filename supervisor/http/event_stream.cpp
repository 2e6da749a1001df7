#include "supervisor/http/event_stream.hpp"

#include <algorithm>

#include "supervisor/text/base64.hpp"

namespace cordon {
namespace {

constexpr std::uint64_t max_piece = std::uint64_t{32} * 1024;

std::string event_begin(std::string_view name, std::uint64_t id) {
  std::string out;
  out.append("event: ").append(name).append("\nid: ").append(std::to_string(id));
  return out.append("\ndata: ");
}

}  // namespace

EventReader::EventReader(JobPtr job, std::uint64_t from)
    : job_(std::move(job)), offset_(from), index_(job_->log.find(from)) {}

std::string EventReader::output_event(const EventLog::Event& event) {
  const auto seen = offset_ - event.offset;
  const auto size = std::min(event.output.size - seen, max_piece);
  const auto& buffer = job_->output[static_cast<std::size_t>(event.output.stream)];
  const auto bytes = buffer.kept().substr(event.output.from + seen, size);
  offset_ += size;
  return event_begin(event.output.stream == Stream::out ? "stdout" : "stderr", offset_) + base64(bytes) + "\n\n";
}

std::optional<std::string> EventReader::next_of_log() {
  const auto& events = job_->log.events();
  for (; index_ < events.size(); ++index_) {
    const auto& event = events[index_];
    if (!event.state.empty()) {
      ++index_;
      return event_begin("state", event.offset) + R"({"state":")" + event.state + "\"}\n\n";
    }
    if (offset_ < event.offset + event.output.size) return output_event(event);
    if (index_ + 1 == events.size()) break;  // it may still grow
  }
  return std::nullopt;
}

std::string EventReader::next_of_end() {
  const bool begins = !end_;
  if (begins) end_.emplace(job_, std::nullopt);
  auto piece = end_->next();
  done_ = !piece;
  return done_ ? "\n\n" : (begins ? event_begin("finished", offset_) : "") + *piece;
}

std::optional<std::string> EventReader::next() {
  if (done_) return std::nullopt;
  if (!end_) {
    if (auto event = next_of_log()) return event;
  }
  if (job_->state != JobState::finished) return std::nullopt;
  return next_of_end();
}

}  // namespace cordon
