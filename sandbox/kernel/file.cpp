#include "sandbox/kernel/file.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <array>
#include <charconv>
#include <limits>
#include <thread>

#include "sandbox/kernel/check.hpp"

namespace cordon {

Fd open_directory(int at, const std::string& path) {
  return Fd(check(::openat(at, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open directory", path));
}

Fd open_directory(const std::string& path) {
  return open_directory(AT_FDCWD, path);
}

namespace {
std::string read_all(int fd, const std::string& path) {
  std::string text;
  std::array<char, 4096> chunk{};
  for (;;) {
    const auto n = check(::read(fd, chunk.data(), chunk.size()), "read", path);
    if (n == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(n));
  }
}
}  // namespace

std::string read_file(int at, const std::string& path) {
  const Fd fd(check(::openat(at, path.c_str(), O_RDONLY | O_CLOEXEC), "open", path));
  return read_all(fd.get(), path);
}

std::string read_file(const std::string& path) {
  return read_file(AT_FDCWD, path);
}

std::optional<std::string> read_file_if_there(int at, const std::string& path) {
  const Fd fd(::openat(at, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  check(fd.get(), "open", path);
  return read_all(fd.get(), path);
}

std::string read_again(const Fd& file, const std::string& path) {
  check(::lseek(file.get(), 0, SEEK_SET), "rewind", path);
  return read_all(file.get(), path);
}

namespace {
void write_once(const Fd& file, const std::string& path, std::string_view text) {
  check(::write(file.get(), text.data(), text.size()), "write \"" + std::string(text) + "\" to", path);
}
}  // namespace

void write_file(int at, const std::string& path, std::string_view text) {
  write_once(Fd(check(::openat(at, path.c_str(), O_WRONLY | O_CLOEXEC), "open for writing", path)), path, text);
}

std::string write_and_read_back(int at, const std::string& path, std::string_view text) {
  const Fd file(check(::openat(at, path.c_str(), O_RDWR | O_CLOEXEC), "open for writing", path));
  write_once(file, path, text);
  return read_again(file, path);
}

void write_file(const std::string& path, std::string_view text) {
  write_file(AT_FDCWD, path, text);
}

bool lock_within(int fd, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds pause(10);  // flock(2) waits for ever or not at all
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) check(-1, "lock");
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

std::uint64_t parse_number(std::string_view text) {
  if (text.starts_with("max")) return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<std::uint64_t> find_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      return parse_number(line.substr(key.size() + 1));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return std::nullopt;
}

}  // namespace cordon
