#include "tests/bench/cpu_time.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <sstream>
#include <stdexcept>

#include "tests/promises/process.hpp"

namespace cordon::bench {
namespace {

double milliseconds(double ticks) {
  return ticks * 1000.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

double cpu_ms(pid_t pid) {
  const auto stat = test::read_text("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) throw std::runtime_error("there is no process " + std::to_string(pid));
  std::istringstream fields(stat.substr(name_end + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, system = 0, children_user = 0, children_system = 0;
  fields >> user >> system >> children_user >> children_system;
  return milliseconds(user + system + children_user + children_system);
}

double own_cpu_ms() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1000 + static_cast<double>(time.tv_usec) / 1000;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

double machine_cpu_ms() {
  std::istringstream fields(test::read_text("/proc/stat"));
  std::string cpu;
  double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft_interrupts = 0;
  fields >> cpu >> user >> nice >> system >> idle >> waiting >> interrupts >> soft_interrupts;
  return milliseconds(user + nice + system + interrupts + soft_interrupts);
}

}  // namespace cordon::bench
