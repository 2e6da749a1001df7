// cordon-prestart-python.so. Preloaded, it stands in libc's way to main(): __libc_start_main is the first call that
// every dynamic program makes, with each libc.
#include "sandbox/prestart/python.hpp"
#include "sandbox/prestart/start.hpp"

namespace cordon::prestart {
namespace {

int hold(int, char** argv, char** env) {
  CommandLine line(argv, env);
  const auto started = begin();
  if (!is_python()) decline(started.descriptors.control, "not an interpreter that can be held");
  return hold_python(started, line, argv);
}

}  // namespace
}  // namespace cordon::prestart

// The name that the loader looks for.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" [[gnu::visibility("default")]] int __libc_start_main(cordon::prestart::Main, int argc, char** argv,
                                                                void (*init)(), void (*fini)(), void (*rtld_fini)(),
                                                                void* stack_end) {
  using namespace cordon::prestart;
  return libc_start_main()(hold, argc, argv, init, fini, rtld_fini, stack_end);
}
