#include "supervisor/host_room.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace cordon {
namespace {

std::optional<std::uint64_t> read_number(const char* path) {
  std::ifstream in(path);
  std::uint64_t number = 0;
  return in >> number ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> memory_available() {
  std::ifstream in("/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  for (std::string unit; in >> name >> kib;) {
    if (name == "MemAvailable:") return kib * 1024;
    std::getline(in, unit);
  }
  return std::nullopt;
}

// "0.20 0.18 0.12 1/80 11206": the fourth is runnable/existing.
std::optional<std::uint64_t> tasks() {
  std::ifstream in("/proc/loadavg");
  double load = 0;
  std::uint64_t runnable = 0, existing = 0;
  char slash = 0;
  if (!(in >> load >> load >> load >> runnable >> slash >> existing)) return std::nullopt;
  return existing;
}

std::optional<std::uint64_t> pids_left() {
  const auto pids = read_number("/proc/sys/kernel/pid_max"), threads = read_number("/proc/sys/kernel/threads-max");
  const auto taken = tasks();
  if (!pids || !threads || !taken) return std::nullopt;
  const auto most = std::min(*pids, *threads);
  return most - std::min(most, *taken);
}

}  // namespace

HostRoom read_host_room() {
  return {memory_available(), pids_left()};
}

HostRoom HostWatch::look(SteadyTime now) {
  if (!read_at_ || now - *read_at_ >= fresh) {
    room_ = read_host_room();
    read_at_ = now;
  }
  return room_;
}

std::optional<int> own_oom_score_adj() {
  std::ifstream in("/proc/self/oom_score_adj");
  int score = 0;
  return in >> score ? std::optional(score) : std::nullopt;
}

}  // namespace cordon
