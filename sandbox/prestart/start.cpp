// The library that holds an interpreter at its start (prestart.hpp). Preloaded, it stands in libc's way to main():
// __libc_start_main is the one call that every dynamic program makes first, in each libc.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

#include "sandbox/prestart/held.hpp"
#include "sandbox/prestart/prestart.hpp"
#include "sandbox/prestart/python.hpp"

namespace cordon::prestart {

namespace {

// In place of main(). Nothing of how it was started is left in the environment that the interpreter will read.
int hold(int, char** argv, char** env) {
  CommandLine line(argv, env);
  Descriptors descriptors;
  const char* const text = std::getenv(descriptors_variable);
  const char* const imports = std::getenv(imports_variable);  // stays readable: the memory is the stack's
  if (text == nullptr || !parse_descriptors(text, descriptors)) ::_exit(EXIT_FAILURE);
  ::unsetenv("LD_PRELOAD");
  ::unsetenv(descriptors_variable);
  ::unsetenv(imports_variable);
  ::unsetenv(room_variable);
  ::close(descriptors.library);
  if (!is_python()) decline(descriptors.control, "not an interpreter that can be held");
  return hold_python(descriptors, imports, line, argv);
}

}  // namespace

}  // namespace cordon::prestart

using Main = int (*)(int, char**, char**);
using StartMain = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);

extern "C" [[gnu::visibility("default")]] int __libc_start_main(Main, int argc, char** argv, void (*init)(),
                                                                void (*fini)(), void (*rtld_fini)(), void* stack_end) {
  const auto start = reinterpret_cast<StartMain>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  return start(cordon::prestart::hold, argc, argv, init, fini, rtld_fini, stack_end);
}
