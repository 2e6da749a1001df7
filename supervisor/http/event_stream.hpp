// A job's events as Server-Sent Events (WHATWG HTML, 9.2), read at the reader's own pace. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "supervisor/http/event_source.hpp"
#include "supervisor/jobs/job_text.hpp"

namespace cordon {

class EventReader : public EventSource {
 public:
  // `from`: everything before this offset was seen already.
  EventReader(JobPtr job, std::uint64_t from);

  // The next event as text, or the next piece of the last one; nullopt when there is none yet, or none any more.
  std::optional<std::string> next() override;
  bool done() const override { return done_; }  // all of "finished" was given out
  Changes& changes() override { return job_->changes; }

 private:
  std::string output_event(const EventLog::Event& event);
  std::optional<std::string> next_of_log();
  std::string next_of_end();

  JobPtr job_;
  std::uint64_t offset_;
  std::size_t index_;
  std::optional<JobText> end_;
  bool done_ = false;
};

}  // namespace cordon
