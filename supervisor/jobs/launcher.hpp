// The launcher as cordond knows it: its socket, what it said of itself, and the page of its latch. A launcher that was
// started anew has a new page, and starts nothing until it has been greeted.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sandbox/latch.hpp"
#include "sandbox/report.hpp"
#include "supervisor/jobs/launcher_socket.hpp"
#include "supervisor/waker.hpp"

namespace cordon {

// A greeting waits for what is left of a former cordond, and a launcher that was started anew for its own start.
inline constexpr auto greeting_time = std::chrono::seconds(20);

class Launcher {
 public:
  explicit Launcher(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  // Asks whether it is there and whether everything of a former cordond is dead, unless the one that answered last
  // still lives. Throws KernelError.
  awaitable<void> reach(Clock::time_point deadline);
  awaitable<void> until_gone();  // the one that answered last
  bool is_there() const { return line_ && line_->is_open(); }
  Changes& greeted() { return greeted_; }  // ring when one has been tried to reach, and may be there
  Clock::duration away() const;            // for how long; 0 while it is there

  // The kill switch's, for every tool that has not been executed yet, and for every launcher to come.
  void set_generation(std::uint64_t generation);
  std::uint64_t generation() const { return generation_; }

  const std::string& socket_path() const { return socket_path_; }
  const Ready& ready() const { return ready_; }  // its latest answer

 private:
  awaitable<void> greet(Clock::time_point deadline);
  void take(ReceivedMessage answer);

  std::string socket_path_;
  Ready ready_;
  std::shared_ptr<LauncherSocket> line_;  // on which it answered: as long as that is open, it lives
  std::optional<LatchPage> page_;
  std::uint64_t generation_ = 1;
  bool greeting_ = false;
  std::optional<Clock::time_point> gone_since_;
  Changes greeted_;
};

}  // namespace cordon
