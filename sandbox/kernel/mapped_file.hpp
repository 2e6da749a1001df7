// A whole file, read by mapping it.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>

#include <string_view>

#include "sandbox/kernel/check.hpp"

namespace cordon {

class MappedFile {
 public:
  MappedFile(int fd, std::string_view what) {
    struct stat st {};
    check(::fstat(fd, &st), "fstat", what);
    size_ = static_cast<std::size_t>(st.st_size);
    if (size_ == 0) return;
    memory_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory_ == MAP_FAILED) check(-1, "map", what);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (size_ != 0) ::munmap(memory_, size_);
  }

  std::string_view bytes() const { return {static_cast<const char*>(memory_), size_}; }

 private:
  void* memory_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace cordon
