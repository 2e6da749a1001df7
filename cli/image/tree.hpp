// A file tree that hostile archives are unpacked into: no path of theirs leads out of it, through a link or otherwise,
// and nothing in it is more than a file, a directory or a link. Runs in: `cordon image import`, as nobody.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace cordon::cli::image {

struct Bounds {
  std::uint64_t bytes = std::uint64_t{16} << 30;  // unpacked
  std::uint64_t entries = 1'000'000;
  std::uint64_t ratio = 200;  // unpacked to packed, of one layer, beyond `ratio_free` bytes
  std::uint64_t ratio_free = std::uint64_t{64} << 20;
  std::uint64_t keep_free = 0;  // of the disk that the tree lies on
};

// What was not taken as it was, by kind: "set-user-id bits taken off" -> how many.
using Notes = std::map<std::string, std::uint64_t>;

class Tree {
 public:
  // `root` is a directory descriptor, which stays the caller's.
  Tree(int root, Bounds bounds) : root_(root), bounds_(bounds) {}

  void begin_layer() { made_.clear(); }

  // Each names a place as the archive has it, and throws Failure when it may not be there. What stood there before
  // goes.
  void directory(std::string_view path, unsigned mode);
  int file(std::string_view path, unsigned mode);  // open for writing; the caller closes it
  void symlink(std::string_view path, const std::string& target);
  void hard_link(std::string_view path, std::string_view target);
  // OCI image layer specification, "Whiteouts".
  void white_out(std::string_view path);         // removes what lower layers have there
  void white_out_others(std::string_view path);  // of a directory: what lower layers have in it

  void grow(std::uint64_t bytes);  // counts against the bounds
  void note(const std::string& kind) { ++notes_[kind]; }
  const Notes& notes() const { return notes_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t entries() const { return entries_; }

 private:
  struct Place {
    std::string path;  // within the root, without "." and without a slash at either end
    int parent = -1;
    std::string name;
  };
  Place place(std::string_view path);  // makes the directories above it
  void make_room(const Place& place, bool for_directory);
  void expect_not_too_deep(std::string_view path, int parent) const;
  void expect_room() const;
  void count(const std::string& path);
  unsigned taken_mode(unsigned mode);

  int root_;
  Bounds bounds_;
  std::set<std::string> made_;  // by the layer that is being applied
  Notes notes_;
  std::uint64_t bytes_ = 0, entries_ = 0, room_seen_at_ = 0;
};

// "./usr//bin/" -> "usr/bin"; throws Failure for "..", for what is too long or too deep, and for bytes that name
// nothing.
std::string normal_path(std::string_view path);

}  // namespace cordon::cli::image
