// The scratch space of one job: a tmpfs with byte and inode limits that holds /work, /tmp and /dev/shm, made detached
// so that nothing of it ever appears in a mount namespace but the sandbox's. Runs in: launcher, as root.
#pragma once

#include <sys/vfs.h>

#include <string_view>

#include "sandbox/kernel/fd.hpp"
#include "sandbox/launcher/plan.hpp"
#include "sandbox/report.hpp"

namespace cordon {

class Workspace {
 public:
  Workspace(const ScratchBounds& bounds, std::uint32_t owner);

  void resize(const ScratchBounds& bounds);
  // The file `hosts` beside the directories, with all the room that it may need: nothing that the tool has leads to it
  // but where the builder attaches it. What is written later begins as what was written before.
  void make_hosts(std::uint64_t bytes);
  void write_hosts(std::string_view text);
  Facts read_back(const ScratchBounds& bounds) const;  // throws when the kernel has something else

  const Fd& mount() const { return mount_; }  // detached; attached once by the sandbox's builder
  int root() const { return root_.get(); }    // has work, tmp and shm; usable after the sandbox's mounts are gone
  std::optional<Denial> full() const;         // by statfs, at the end: noted, not counted
  struct Used {
    std::uint64_t files = 0, bytes = 0;
    bool operator==(const Used&) const = default;
  };
  Used used() const;

 private:
  struct statfs look() const;

  ScratchBounds bounds_;
  Fd mount_, root_, hosts_;
};

}  // namespace cordon
