#include "supervisor/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {
namespace {

void write_whole(const std::string& path, std::string_view bytes) {
  const Fd file(check(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), "open", path));
  while (!bytes.empty())
    bytes.remove_prefix(
        static_cast<std::size_t>(check(::write(file.get(), bytes.data(), bytes.size()), "write", path)));
  check(::fsync(file.get()), "fsync", path);
}

}  // namespace

void replace_durably(const std::string& path, std::string_view bytes) {
  const auto fresh = path + ".new";
  const auto directory = path.substr(0, path.rfind('/'));
  write_whole(fresh, bytes);
  check(std::rename(fresh.c_str(), path.c_str()), "rename", fresh);
  const Fd place(check(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open directory", directory));
  check(::fsync(place.get()), "fsync", directory);
}

}  // namespace cordon
