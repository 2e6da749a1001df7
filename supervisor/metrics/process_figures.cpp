#include "supervisor/metrics/process_figures.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>

namespace cordon {
namespace {

std::string read(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::uint64_t count_fds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  if (!directory) return 0;
  std::uint64_t entries = 0;
  while (::readdir(directory.get()) != nullptr) ++entries;
  constexpr std::uint64_t not_ours = 3;  // ".", ".." and the directory's own
  return entries > not_ours ? entries - not_ours : 0;
}

double boot_time() {
  std::istringstream text(read("/proc/stat"));
  for (std::string word; text >> word;) {
    double seconds = 0;
    if (word == "btime" && text >> seconds) return seconds;
  }
  return 0;
}

}  // namespace

Metrics::Now::Process process_figures() {
  Metrics::Now::Process out;
  const auto text = read("/proc/self/stat");
  // The name in parentheses may have anything in it; what follows are fields 3 and up.
  const auto end = text.rfind(')');
  std::istringstream fields(end == std::string::npos ? "" : text.substr(end + 1));
  std::string skipped;
  double user = 0, system = 0, start = 0;
  std::uint64_t virtual_bytes = 0, resident_pages = 0;
  for (int field = 3; field <= 13; ++field) fields >> skipped;
  fields >> user >> system;  // 14, 15
  for (int field = 16; field <= 21; ++field) fields >> skipped;
  fields >> start >> virtual_bytes >> resident_pages;  // 22, 23, 24
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  out.cpu_seconds = (user + system) / ticks;
  out.start_time_seconds = boot_time() + start / ticks;
  out.virtual_bytes = virtual_bytes;
  out.resident_bytes = resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  out.open_fds = count_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.max_fds = limit.rlim_cur;
  return out;
}

}  // namespace cordon
