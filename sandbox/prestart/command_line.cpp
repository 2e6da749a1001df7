#include "sandbox/prestart/command_line.hpp"

#include <cstring>

namespace cordon::prestart {

namespace {

// The strings of execve(2) lie one behind the other.
std::span<char> room_of(char** strings) {
  if (*strings == nullptr) return {};
  char* const start = *strings;
  while (strings[1] != nullptr) ++strings;
  return {start, *strings + std::strlen(*strings) + 1};
}

std::size_t bytes_of(std::span<std::string_view> strings) {
  std::size_t bytes = 0;
  for (const auto s : strings) bytes += s.size() + 1;
  return bytes;
}

void copy(std::span<std::string_view> strings, char** pointers, std::span<char> room) {
  std::memset(room.data(), 0, room.size());
  char* to = room.data();
  for (const auto s : strings) {
    *pointers++ = to;
    std::memcpy(to, s.data(), s.size());
    to += s.size() + 1;
  }
}

}  // namespace

CommandLine::CommandLine(char** argv, char** env) : argument_room_(room_of(argv)), environment_room_(room_of(env)) {}

bool CommandLine::has_room_for(const PayloadView& job) const {
  return bytes_of(job.argv.items()) <= argument_room_.size() && bytes_of(job.env.items()) <= environment_room_.size();
}

bool CommandLine::lay_out(const PayloadView& job) {
  const auto argv = job.argv.items(), env = job.env.items();
  argv_ = static_cast<char**>(std::calloc(argv.size() + env.size() + 2, sizeof(char*)));
  if (argv_ == nullptr) return false;
  argc_ = static_cast<int>(argv.size());
  env_ = argv_ + argv.size() + 1;
  copy(argv, argv_, argument_room_);
  copy(env, env_, environment_room_);
  return true;
}

}  // namespace cordon::prestart
