#include "supervisor/http/event_stream.hpp"

#include <algorithm>

#include "supervisor/jobs/job_json.hpp"
#include "supervisor/text/base64.hpp"

namespace cordon {
namespace {

constexpr std::uint64_t max_piece = 32 * 1024;

std::string event_text(std::string_view name, std::uint64_t id, std::string_view data) {
  std::string out;
  out.append("event: ").append(name).append("\nid: ").append(std::to_string(id));
  return out.append("\ndata: ").append(data).append("\n\n");
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
  return event_text(event.output.stream == Stream::out ? "stdout" : "stderr", offset_, base64(bytes));
}

std::optional<std::string> EventReader::next() {
  const auto& events = job_->log.events();
  for (; index_ < events.size(); ++index_) {
    const auto& event = events[index_];
    if (!event.state.empty()) {
      ++index_;
      return event_text("state", event.offset, R"({"state":")" + event.state + "\"}");
    }
    if (offset_ < event.offset + event.output.size) return output_event(event);
    if (index_ + 1 == events.size()) break;  // it may still grow
  }
  if (done_ || job_->state != JobState::finished) return std::nullopt;
  done_ = true;
  auto json = dump(to_json(*job_, std::nullopt));
  json.pop_back();  // the line's end
  return event_text("finished", offset_, json);
}

}  // namespace cordon
