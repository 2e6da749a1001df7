#include "supervisor/jobs/event_log.hpp"

#include <algorithm>
#include <utility>

namespace cordon {
namespace {

// A tool that changes streams at every byte must not cost an event for each: after so many, only larger pieces get one.
constexpr std::size_t fine_events = 8192;
constexpr std::uint64_t coarse_bytes = std::uint64_t{64} * 1024;

}  // namespace

EventLog::EventLog(std::vector<Event> events) : events_(std::move(events)) {
  if (!events_.empty()) end_ = events_.back().offset + events_.back().output.size;
}

void EventLog::state(std::string name) {
  events_.push_back({end_, std::move(name), {}});
}

void EventLog::output(Stream stream, std::uint64_t kept, bool last) {
  auto& logged = logged_[static_cast<std::size_t>(stream)];
  const auto size = kept - logged;
  if (size == 0) return;
  const bool goes_on = !events_.empty() && events_.back().state.empty() && events_.back().output.stream == stream;
  if (goes_on) {
    events_.back().output.size += size;
  } else if (events_.size() < fine_events || size >= coarse_bytes || last) {
    events_.push_back({end_, {}, {stream, logged, size}});
  } else {
    return;  // told with what follows
  }
  logged = kept;
  end_ += size;
}

std::size_t EventLog::find(std::uint64_t offset) const {
  const auto unseen = [offset](const Event& e) {
    return e.state.empty() ? e.offset + e.output.size > offset : e.offset >= offset;
  };
  // Event ends never go back, and of the states at one offset all are unseen or none is.
  const auto first = std::partition_point(events_.begin(), events_.end(), [&](const Event& e) { return !unseen(e); });
  return static_cast<std::size_t>(first - events_.begin());
}

}  // namespace cordon
