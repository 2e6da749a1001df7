// Tells who started this process that it serves: a newline on a descriptor, and READY=1 to systemd if that asks.
#pragma once

namespace cordon::egress {

void announce_ready(int ready_fd);  // -1: none

}  // namespace cordon::egress
