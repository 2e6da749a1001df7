// Tells whoever started this process that it is ready: one newline to a descriptor (and closes it), and READY=1 to
// systemd when NOTIFY_SOCKET is set (sd_notify(3)).
#pragma once

namespace cordon {

void announce_ready(int ready_fd);  // -1: only systemd

}  // namespace cordon
