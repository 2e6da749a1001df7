#include "sandbox/prestart/command_line.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

namespace cordon::prestart {

namespace {

// Of /proc/self/stat, by the numbers of proc(5); the name of the program, field 2, may contain blanks and brackets.
struct Field {
  int number;
  __u64 prctl_mm_map::*member;
};
constexpr Field fields[] = {
    {26, &prctl_mm_map::start_code}, {27, &prctl_mm_map::end_code},  {28, &prctl_mm_map::start_stack},
    {45, &prctl_mm_map::start_data}, {46, &prctl_mm_map::end_data},  {47, &prctl_mm_map::start_brk},
    {48, &prctl_mm_map::arg_start},  {49, &prctl_mm_map::arg_end},   {50, &prctl_mm_map::env_start},
    {51, &prctl_mm_map::env_end}};

__u64 address(const void* at) {
  return reinterpret_cast<__u64>(at);
}

std::size_t bytes_of(std::span<std::string_view> strings) {
  std::size_t bytes = 0;
  for (const auto s : strings) bytes += s.size() + 1;
  return bytes;
}

__u64 decimal(const char* digits) {
  __u64 value = 0;
  for (; *digits >= '0' && *digits <= '9'; ++digits) value = value * 10 + static_cast<__u64>(*digits - '0');
  return value;
}

}  // namespace

bool MemoryMap::read() {
  char text[1024]{};
  const int fd = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  const auto size = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (fd < 0 || size <= 0) return false;
  const char* at = std::strrchr(text, ')');
  int number = 2;
  for (const auto& field : fields) {
    for (; number < field.number; ++number)
      if (at == nullptr || (at = std::strchr(at + 1, ' ')) == nullptr) return false;
    map_.*field.member = decimal(at + 1);
  }
  map_.exe_fd = ~0U;  // unchanged
  return true;
}

bool MemoryMap::apply() {
  map_.brk = address(::sbrk(0));
  return ::prctl(PR_SET_MM, PR_SET_MM_MAP, &map_, sizeof map_, 0) == 0;
}

bool MemoryMap::show(const char* arguments, const char* environment, const char* end) {
  map_.arg_start = address(arguments);
  map_.arg_end = address(environment);
  return show_environment(environment, end);
}

bool MemoryMap::show_environment(const char* environment, const char* end) {
  map_.env_start = address(environment);
  map_.env_end = address(end);
  return apply();
}

char* CommandLine::copy(std::span<std::string_view> strings, char** pointers, char* to) {
  for (const auto s : strings) {
    *pointers++ = to;
    to += s.copy(to, s.size()) + 1;
  }
  return to;
}

bool CommandLine::lay_out(const PayloadView& job) {
  const auto argv = job.argv.items(), env = job.env.items();
  argv_ = static_cast<char**>(std::calloc(argv.size() + env.size() + 2, sizeof(char*)));
  block_ = static_cast<char*>(std::calloc(bytes_of(argv) + bytes_of(env) + 1, 1));
  if (argv_ == nullptr || block_ == nullptr) return false;
  argc_ = static_cast<int>(argv.size());
  env_ = argv_ + argv.size() + 1;
  environment_ = copy(argv, argv_, block_);
  end_ = copy(env, env_, environment_);
  return true;
}

}  // namespace cordon::prestart
