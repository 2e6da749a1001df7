// A value of plain data that two processes share through a memfd of exactly its size (memfd_create(2)).
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <type_traits>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

inline Fd shared_memfd(const char* name, std::size_t size) {
  Fd fd(check(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), "create a memfd", name));
  check(::ftruncate(fd.get(), static_cast<off_t>(size)), "give its size to memfd", name);
  check(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW), "seal a memfd", name);
  return fd;
}

// The mapping stays with the process that made it: no child inherits it (MADV_DONTFORK).
template <typename T>
class Shared {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit Shared(int fd) {
    void* const memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) check(-1, "map shared memory");
    value_ = static_cast<T*>(memory);
    check(::madvise(value_, sizeof(T), MADV_DONTFORK), "keep shared memory from children");
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(value_, sizeof(T)); }

  T& operator*() const { return *value_; }
  T* operator->() const { return value_; }

 private:
  T* value_ = nullptr;
};

}  // namespace cordon
