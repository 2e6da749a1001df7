#include "cli/wake_signals.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "cli/failure.hpp"

namespace cordon::cli {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

WakeSignals::WakeSignals() {
  const auto set = stop_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd_ < 0) throw Failure(std::string("cannot watch for signals: ") + std::strerror(errno));
}

WakeSignals::~WakeSignals() {
  ::close(fd_);
}

void WakeSignals::acknowledge() {
  signalfd_siginfo info{};
  while (::read(fd_, &info, sizeof info) < 0 && errno == EINTR) continue;
  const auto set = stop_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

bool WakeSignals::wait(int milliseconds) const {
  pollfd wake{fd_, POLLIN, 0};
  return ::poll(&wake, 1, milliseconds) > 0;
}

}  // namespace cordon::cli
