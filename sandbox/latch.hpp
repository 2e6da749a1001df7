// The latch's first word: the generation of cordond's kill switch. The launcher makes the page at its start and hands
// it out with Ready; cordond alone writes it; the launcher compares it with the JobSpec's just before a tool is
// executed. A job that was admitted before a kill is thus never started after it. (What cordond cannot write is the
// other word: stop_all.hpp.)
#pragma once

#include <cstdint>

#include "sandbox/kernel/fd.hpp"
#include "sandbox/kernel/shared_memory.hpp"

namespace cordon {

// A memfd of one word that neither side can make smaller or larger. It starts at 0, which no JobSpec may have: until a
// cordond has been greeted, nothing starts.
Fd make_latch_page();
std::uint64_t read_generation(int page);  // throws KernelError: then it is to be taken for engaged

// cordond's side of it.
class LatchPage {
 public:
  explicit LatchPage(const Fd& page);
  void set(std::uint64_t generation);  // at once for every launcher's process

 private:
  Shared<std::uint64_t> word_;
};

}  // namespace cordon
