#include "supervisor/events/operator_events.hpp"

#include <algorithm>

namespace cordon {
namespace {

constexpr auto window = std::chrono::minutes(1);

std::uint64_t microseconds(WallTime time) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  return us < 0 ? 0 : static_cast<std::uint64_t>(us);
}

}  // namespace

void OperatorEvents::add(OperatorEvent event) {
  auto& told = told_[static_cast<std::size_t>(event.kind)];
  ++told.total;
  if (too_many(told, event.time)) {
    if (told.in_window != bounds_.per_minute + 1) return;
    const auto kind = std::string(to_string(event.kind));
    event = {0,
             event.time,
             EventKind::suppressed,
             usual_severity(EventKind::suppressed),
             {},
             "more than " + std::to_string(bounds_.per_minute) + " events \"" + kind +
                 "\" within a minute: further ones are in cordond's log and metrics only"};
    ++told_[static_cast<std::size_t>(EventKind::suppressed)].total;
  }
  keep(std::move(event));
  changes.ring();
}

// A clock that was set back begins a new window: nothing is hushed up for the length of the step.
bool OperatorEvents::too_many(Told& told, WallTime now) const {
  if (now - told.window >= window || now < told.window) {
    told.window = now;
    told.in_window = 0;
  }
  return ++told.in_window > bounds_.per_minute;
}

void OperatorEvents::keep(OperatorEvent event) {
  event.id = newest_ = std::max(newest_ + 1, microseconds(event.time));
  newest_time_ = event.time;
  if (kept_.empty()) dropped_ = event.id - 1;
  kept_.push_back({event.id, event_text(event)});
  if (kept_.size() <= bounds_.kept) return;
  dropped_ = kept_.front().id;
  kept_.pop_front();
}

const OperatorEvents::Kept* OperatorEvents::first_after(std::uint64_t after) const {
  const auto at = std::partition_point(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.id <= after; });
  return at == kept_.end() ? nullptr : &*at;
}

// Below what is kept, or above all that was ever told: then the clock went back between two lives of cordond.
std::optional<std::string> OperatorEventReader::gap() {
  const auto oldest = events_.before_oldest();
  if (!after_) {
    after_ = oldest;
    return std::nullopt;
  }
  if (*after_ >= oldest && *after_ <= events_.newest()) return std::nullopt;
  const auto missed = *after_;
  after_ = oldest;
  return event_text({oldest,
                     events_.newest_time(),
                     EventKind::gap,
                     usual_severity(EventKind::gap),
                     {},
                     "events after " + std::to_string(missed) + " and up to " + std::to_string(oldest) +
                         " are not kept any more; cordond's log has them"});
}

std::optional<std::string> OperatorEventReader::next() {
  if (auto told = gap()) return told;
  const auto* event = events_.first_after(*after_);
  if (event == nullptr) return std::nullopt;
  after_ = event->id;
  return event->text;
}

}  // namespace cordon
