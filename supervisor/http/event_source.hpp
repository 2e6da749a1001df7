// What a stream of Server-Sent Events is read from, at the reader's pace. Pure.
#pragma once

#include <optional>
#include <string>

#include "supervisor/waker.hpp"

namespace cordon {

class EventSource {
 public:
  EventSource() = default;
  virtual ~EventSource() = default;
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;

  // The next event as text, or a piece of it; nullopt when there is none yet, or none any more.
  virtual std::optional<std::string> next() = 0;
  virtual bool done() const = 0;   // nothing will come any more
  virtual Changes& changes() = 0;  // rings when there may be more
};

}  // namespace cordon
