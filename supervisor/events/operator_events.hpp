// The latest events for operators: a bounded log that any number of readers read at their own pace. Nobody is waited
// for; who was too slow, or asks for what a former cordond told, is told that there is a gap. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "supervisor/events/operator_event.hpp"
#include "supervisor/http/event_source.hpp"

namespace cordon {

class OperatorEvents {
 public:
  struct Bounds {
    std::size_t kept = 1024;
    std::uint64_t per_minute = 120;  // of one kind; the others are counted
  };

  explicit OperatorEvents(Bounds bounds) : bounds_(bounds) {}
  OperatorEvents() : OperatorEvents(Bounds{}) {}

  // Gives it the next id: the microseconds since 1970, or one more than the last. So ids go on after a restart, and
  // stay below 2^53. Rings `changes`.
  void add(OperatorEvent event);

  // The first with an id above `after`, as a Server-Sent Event; nullptr: none yet.
  struct Kept {
    std::uint64_t id = 0;
    std::string text;
  };
  const Kept* first_after(std::uint64_t after) const;
  std::uint64_t before_oldest() const { return dropped_; }  // the id behind which everything is still kept
  std::uint64_t newest() const { return newest_; }
  WallTime newest_time() const { return newest_time_; }
  std::uint64_t told(EventKind kind) const {
    return told_[static_cast<std::size_t>(kind)].total;
  }  // suppressed ones too

  Changes changes;

 private:
  struct Told {
    std::uint64_t total = 0;
    std::uint64_t in_window = 0;
    WallTime window;
  };
  bool too_many(Told& told, WallTime now) const;
  void keep(OperatorEvent event);

  Bounds bounds_;
  std::deque<Kept> kept_;
  std::array<Told, event_kinds> told_{};
  std::uint64_t newest_ = 0, dropped_ = 0;
  WallTime newest_time_;
};

// One reader's way through them. The events outlive it.
class OperatorEventReader : public EventSource {
 public:
  enum class Until { newest, ever };  // newest: done when everything that is kept was read

  // `after`: the last one that was seen, in this life of cordond or a former one; nullopt: begin with the oldest kept.
  OperatorEventReader(OperatorEvents& events, std::optional<std::uint64_t> after, Until until)
      : events_(events), after_(after), until_(until) {}

  std::optional<std::string> next() override;
  bool done() const override { return until_ == Until::newest && after_ && *after_ >= events_.newest(); }
  Changes& changes() override { return events_.changes; }

 private:
  std::optional<std::string> gap();

  OperatorEvents& events_;
  std::optional<std::uint64_t> after_;
  Until until_;
};

}  // namespace cordon
