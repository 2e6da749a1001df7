#include "sandbox/prestart/start.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "sandbox/prestart/prestart.hpp"

namespace cordon::prestart {

namespace {

// Out of the way, but not where the table of descriptors would have to grow for it: /proc/PID/status shows that.
int move_up(int fd) {
  for (const int lowest : {60, 30}) {
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, lowest);
    if (moved < 0) continue;
    ::close(fd);
    return moved;
  }
  return fd;
}

}  // namespace

StartMain libc_start_main() {
  return reinterpret_cast<StartMain>(::dlsym(RTLD_NEXT, "__libc_start_main"));
}

Started begin() {
  Started started;
  auto& fds = started.descriptors;
  const char* const text = std::getenv(descriptors_variable);
  if (text == nullptr || !parse_descriptors(text, fds)) ::_exit(EXIT_FAILURE);
  started.imports = std::getenv(imports_variable);
  for (const char* const name : {"LD_PRELOAD", descriptors_variable, imports_variable, room_variable}) ::unsetenv(name);
  ::close(fds.library);
  fds.control = move_up(fds.control);
  fds.payload = move_up(fds.payload);
  started.env = views_of(environ);
  return started;
}

Array<std::string_view> views_of(char* const* strings) {
  std::size_t count = 0;
  while (strings[count] != nullptr) ++count;
  Array<std::string_view> views(count);
  for (std::size_t i = 0; views.allocated() && i < count; ++i) views.data()[i] = strings[i];
  return views;
}

void decline_if_environment_changed(const Started& started) {
  const auto now = views_of(environ);
  const auto before = started.env.items();
  if (!now.allocated() || !started.env.allocated()) decline(started.descriptors.control, "no memory");
  if (!std::equal(before.begin(), before.end(), now.items().begin(), now.items().end()))
    decline(started.descriptors.control, "its start has changed its environment");
}

void decline_what_would_differ(int control, const Start& start, const Job& job, const CommandLine& line) {
  const auto& wanted = job.wanted();
  const auto files = wanted.files.items();
  const Array<std::string_view> paths(files.size()), contents(files.size());
  if (!paths.allocated() || !contents.allocated()) decline(control, "no memory");
  for (std::size_t i = 0; i < files.size(); ++i) {
    paths.data()[i] = files[i].path;
    contents.data()[i] = files[i].content;
  }
  const auto* const reason =
      why_not(start, {wanted.argv.items(), wanted.env.items(), wanted.cwd, paths.items(), contents.items()});
  if (reason != nullptr) decline(control, reason);
  if (!line.has_room_for(wanted)) decline(control, "more arguments or variables than there is room for");
}

}  // namespace cordon::prestart
