// The answer to a cordond that has just started: "ready", once nothing of a former one is alive.
// Runs in: a fork of the resident launcher, as root.
#pragma once

namespace cordon {

struct Host;

void answer_hello(int lifeline, const Host& host);

}  // namespace cordon
