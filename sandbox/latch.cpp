#include "sandbox/latch.hpp"

#include <atomic>

namespace cordon {

namespace {
constexpr int page_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
}

Fd make_latch_page() {
  return shared_memfd("cordon-latch", sizeof(std::uint64_t));
}

std::uint64_t read_generation(int page) {
  void* const memory = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ, MAP_SHARED, page, 0);
  if (memory == MAP_FAILED) check(-1, "read the latch", "of cordond");
  // A load may stand on a read-only mapping; atomic_ref has none for const before C++26.
  const auto generation = __atomic_load_n(static_cast<const std::uint64_t*>(memory), __ATOMIC_SEQ_CST);
  ::munmap(memory, sizeof(std::uint64_t));
  return generation;
}

// A page that could shrink would be a SIGBUS later.
LatchPage::LatchPage(const Fd& page) : word_(page.get()) {
  const int seals = check(::fcntl(page.get(), F_GET_SEALS), "read the seals of", "the latch");
  if (seals != page_seals) throw KernelError("accept the latch", "that is not sealed", EINVAL);
}

void LatchPage::set(std::uint64_t generation) {
  std::atomic_ref(*word_).store(generation);
}

}  // namespace cordon
