// CPython 3.9 to 3.13: initialised as for `python3 -c ''`, then told what its command line was, then run by its own
// main. So nothing of ours is beneath the job's code, and what is printed, returned or raised is CPython's doing.
// Runs in: the sandbox, in the interpreter's process, in place of its main().
#pragma once

#include "sandbox/prestart/command_line.hpp"
#include "sandbox/prestart/start.hpp"

namespace cordon::prestart {

bool is_python();  // is this process one?

// What main() returns.
int hold_python(const Started& started, CommandLine& line, char* const* argv);

}  // namespace cordon::prestart
