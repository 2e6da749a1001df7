// cordon-prestart-node.so. Node is started with the job's own command line, `node main.js`, and gets as far as it can
// without looking at main.js: its first look, by statx(2), is where it is held. From there it goes on by itself, so
// nothing is to be imitated but the environment, which node reads from libc whenever it is asked.
//
// libuv makes that call by syscall(3), or by statx(3) since 1.48: both are stood in for, and passed on.
#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstring>

#include "sandbox/prestart/append.hpp"
#include "sandbox/prestart/prestart.hpp"
#include "sandbox/prestart/start.hpp"

namespace cordon::prestart {
namespace {

// The one process has one program: what is known of it from main() on, until the job has been taken.
struct Waiting {
  Started started;
  CommandLine line;
  char* const* argv;
  char program[PATH_MAX + 2]{};
};
constinit Waiting* waiting = nullptr;
constinit Main node_main = nullptr;

void take(int control) {
  const Job job(waiting->started.descriptors);
  const auto argv = views_of(waiting->argv), env = views_of(environ);
  if (!argv.allocated() || !env.allocated()) decline(control, "no memory");
  decline_what_would_differ(control, {Language::node, argv.items(), env.items()}, job, waiting->line);
  job.write_files(control);
  if (!waiting->line.lay_out(job.wanted())) fail(control, "lay out the environment", "", ENOMEM);
  environ = waiting->line.env();
}

void hold_here() {
  const auto& fds = waiting->started.descriptors;
  const int control = fds.control;
  decline_if_environment_changed(waiting->started);
  tell_ready(control);
  await(control, take_job);
  take(control);
  tell_prepared(control);
  await(control, go);
  ::close(control);
  ::close(fds.payload);
  waiting = nullptr;
}

void look_at(const char* path) {
  if (waiting != nullptr && path != nullptr && std::strcmp(path, waiting->program) == 0) hold_here();
}

bool find_program(Waiting& state) {
  if (state.argv[1] == nullptr || ::getcwd(state.program, PATH_MAX) == nullptr) return false;
  return append(state.program, "/") && append(state.program, state.argv[1]);
}

// Node gets the arguments that it was started with: name and program.
int hold(int, char** argv, char** env) {
  Waiting state{{}, CommandLine(argv, env), argv};  // lives as long as node's main() runs
  state.started = begin();
  char* own_argv[] = {argv[0], argv[1], nullptr};
  if (!find_program(state)) decline(state.started.descriptors.control, "no program that it is to wait for");
  waiting = &state;
  return node_main(2, own_argv, environ);
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace cordon::prestart

extern "C" [[gnu::visibility("default")]] long syscall(long number, ...) noexcept {
  using namespace cordon::prestart;
  long arguments[6];
  va_list list;
  va_start(list, number);
  for (auto& argument : arguments) argument = va_arg(list, long);  // as many as there can be: none is looked at here
  va_end(list);
  if (number == SYS_statx) look_at(reinterpret_cast<const char*>(arguments[1]));
  static constinit decltype(::syscall)* real = nullptr;
  if (real == nullptr) real = next<decltype(::syscall)>("syscall");
  const auto& a = arguments;
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

extern "C" [[gnu::visibility("default")]] int statx(int directory, const char* path, int flags, unsigned mask,
                                                    struct statx* result) noexcept {
  using namespace cordon::prestart;
  look_at(path);
  static constinit decltype(::statx)* real = nullptr;
  if (real == nullptr) real = next<decltype(::statx)>("statx");
  return real(directory, path, flags, mask, result);
}

// The name that the loader looks for.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" [[gnu::visibility("default")]] int __libc_start_main(cordon::prestart::Main main, int argc, char** argv,
                                                                void (*init)(), void (*fini)(), void (*rtld_fini)(),
                                                                void* stack_end) {
  using namespace cordon::prestart;
  node_main = main;
  return libc_start_main()(hold, argc, argv, init, fini, rtld_fini, stack_end);
}
