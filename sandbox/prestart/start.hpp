// How the library gets in front of an interpreter's main(), and what it does there first.
// Runs in: the sandbox, in the interpreter's process.
#pragma once

#include "sandbox/prestart/command_line.hpp"
#include "sandbox/prestart/eligible.hpp"
#include "sandbox/prestart/held.hpp"

namespace cordon::prestart {

using Main = int (*)(int, char**, char**);
using StartMain = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);

StartMain libc_start_main();  // the real one, behind that of the library

struct Started {
  Descriptors descriptors;
  const char* imports = nullptr;  // where execve(2) put it: gone when the job's environment is laid out there
  Array<std::string_view> env;    // what else it was started with
};

// Reads what it was started with, and leaves no variable of it. The descriptors come to lie so high that whatever the
// interpreter opens has the number that it would have had. Exits when this is not how it is to be started.
Started begin();

// Declines what why_not says, or what there turns out to be no room for. Nothing has been changed by then: another
// sandbox can have the job.
void decline_what_would_differ(int control, const Start& start, const Job& job, const CommandLine& line);

// To be asked before it says Ready: an interpreter that has changed its environment while it started (python sets
// LC_CTYPE for LANG=C, PEP 538; a sitecustomize may set anything) would not find that in the job's, and a fresh one
// would.
void decline_if_environment_changed(const Started& started);

Array<std::string_view> views_of(char* const* strings);

}  // namespace cordon::prestart
