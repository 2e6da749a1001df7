// What whoever started this process is told: that it is ready, by one newline to a descriptor (which is then closed),
// and by messages to systemd when NOTIFY_SOCKET is set (sd_notify(3)).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace cordon {

void announce_ready(int ready_fd);  // -1: only systemd

void notify_systemd(std::string_view state);  // "WATCHDOG=1"; nothing without NOTIFY_SOCKET

// Within which systemd wants to hear from us, each time (sd_watchdog_enabled(3)); nullopt: never.
std::optional<std::chrono::microseconds> watchdog_time();

}  // namespace cordon
