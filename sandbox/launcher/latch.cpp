#include "sandbox/launcher/latch.hpp"

#include "sandbox/kernel/check.hpp"
#include "sandbox/latch.hpp"

namespace cordon {

std::optional<Stopped> Latch::stopped() const {
  try {
    const auto word = read_stop_all(stop_all);
    if (!word) return std::nullopt;
    return Stopped{word->by, word->reason};
  } catch (const KernelError&) {
    return std::nullopt;  // what it is asked for has ended already: the cause that is known stands
  }
}

void expect_open(const Latch& latch, std::uint64_t generation) {
  if (const auto word = read_stop_all(latch.stop_all)) throw LatchClosed{Stopped{word->by, word->reason}};
  if (read_generation(latch.page.get()) != generation) throw LatchClosed{Stale{}};
}

}  // namespace cordon
