// One job's events from its beginning to its end, over as many connections as it takes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/client.hpp"
#include "cli/wake_signals.hpp"

namespace cordon::cli {

struct Watcher {
  std::function<void(std::string_view bytes)> on_stdout;
  std::function<void(std::string_view bytes)> on_stderr;
  std::function<void(const std::string& state)> on_state;
  std::function<void()> on_wake;  // a stop signal; following goes on
};

// Returns the finished job.
Json follow_job(const Client& client, const std::string& id, WakeSignals& wake, const Watcher& watcher);

}  // namespace cordon::cli
