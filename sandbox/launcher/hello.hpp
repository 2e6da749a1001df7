// The answer to a cordond that has just started: "ready", once nothing of a former one is alive. The connection stays
// open as long as both live: its end tells either that the other is gone.
// Runs in: a fork of the resident launcher, as root.
#pragma once

namespace cordon {

struct Host;

void answer_hello(int lifeline, const Host& host);

}  // namespace cordon
