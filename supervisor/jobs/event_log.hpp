// The order in which a job's output and changes of state came, for those who watch. Offsets count the bytes of both
// streams together; the bytes themselves stay in the OutputBuffers. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cordon {

enum class Stream : std::uint8_t { out = 0, err = 1 };

class EventLog {
 public:
  struct Output {
    Stream stream = Stream::out;
    std::uint64_t from = 0;  // in that stream
    std::uint64_t size = 0;
  };
  struct Event {
    std::uint64_t offset = 0;  // where it begins
    std::string state;         // not empty: the job became this; otherwise `output`
    Output output;
  };

  EventLog() = default;
  explicit EventLog(std::vector<Event> events);  // all of them, of a job that has ended

  void state(std::string name);
  // `stream` has `kept` bytes by now. `last`: no more will come.
  void output(Stream stream, std::uint64_t kept, bool last = false);

  const std::vector<Event>& events() const { return events_; }
  std::uint64_t end() const { return end_; }
  // Whence somebody reads on who has seen everything before `offset`: the index of the first event not wholly seen.
  std::size_t find(std::uint64_t offset) const;

 private:
  std::vector<Event> events_;
  std::array<std::uint64_t, 2> logged_{};  // per stream
  std::uint64_t end_ = 0;
};

}  // namespace cordon
