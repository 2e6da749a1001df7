// How the collector reads a tree that a hostile job made, by descriptors, and says what it finds.
// Runs in: the collector child, without rights.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "profiles/sha256.hpp"
#include "sandbox/artifact_stream.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

inline constexpr std::size_t max_tree_depth = 64;

// A regular file or a directory directly in `directory`, and never what lies elsewhere; no descriptor: errno says why.
Fd open_beneath(int directory, const std::string& name, int flags);

// Counts what is taken out of the directories of one walk.
struct EntryBudget {
  std::size_t taken = 0;
  bool is_spent = false;  // not all were looked at
};
// The entries of a directory for which `is_wanted` (told their names, and whether they may be directories), sorted.
// What a job adds beside those costs time, but no memory and nothing of the budget. Throws KernelError.
std::vector<std::string> names_in(const Fd& directory, const std::string& path, EntryBudget& budget,
                                  const std::function<bool(const std::string&, bool)>& is_wanted);

// Reads no more than `size` bytes: nothing can grow any more, but nothing relies on it. Throws KernelError.
artifacts::FileEnd read_and_hash(const Fd& file, const std::string& path, std::uint64_t size,
                                 const std::function<void(std::string_view)>& take);

class FrameWriter {
 public:
  explicit FrameWriter(int out) : out_(out) {}
  void send(const artifacts::Frame& frame);  // throws KernelError: the reader is gone

 private:
  int out_;
};

}  // namespace cordon
