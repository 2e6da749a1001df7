// A mount namespace in which some directories of the host are empty and private: what the other sandboxes keep in /run
// then vanishes with the measurement. Each thread enters and leaves it by itself (about 2 µs).
#pragma once

#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon::bench {

class HostView {
 public:
  // Throws KernelError, as everything here.
  explicit HostView(const std::vector<std::string>& hidden);

  // While this lives, the thread that made it sees the host so, and what it starts as well.
  class Inside {
   public:
    explicit Inside(const HostView& view);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    const HostView& view_;
  };

 private:
  Fd before_, view_;
};

}  // namespace cordon::bench
