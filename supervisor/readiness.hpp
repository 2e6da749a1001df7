// Tells whoever started us how we are: one newline on a descriptor, and systemd's notification socket (sd_notify(3)).
#pragma once

#include <string_view>

namespace cordon {

void say_ready_on(int fd);                    // and closes it; -1: nowhere
void notify_systemd(std::string_view state);  // "READY=1"; nothing happens without NOTIFY_SOCKET

}  // namespace cordon
