#include "tests/bench/scratch.hpp"

#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "sandbox/kernel/check.hpp"

namespace cordon::bench {

Scratch::Scratch(const std::string& size) {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  const auto options = "size=" + size;
  check(::mount("tmpfs", path_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()), "mount tmpfs on", path_);
}

Scratch::~Scratch() {
  ::umount2(path_.c_str(), MNT_DETACH);
  std::error_code error;
  std::filesystem::remove(path_, error);
}

}  // namespace cordon::bench
