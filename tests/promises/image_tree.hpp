// A root file system that a test makes, with things in it that a hostile image may have, and beside it a canary: a
// directory of the host with a secret, where links of the image lead. Both have to be as they were in the end.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon::test {

class ImageTree {
 public:
  // Made as DIRECTORY/NAME in a directory of its own, so that the path of an image may be as odd as wished.
  explicit ImageTree(const std::string& name = "image");
  ~ImageTree();
  ImageTree(ImageTree&& other) noexcept;
  ImageTree& operator=(ImageTree&&) = delete;

  std::filesystem::path root() const { return directory_ / name_; }
  std::filesystem::path outside() const { return directory_; }
  std::filesystem::path canary() const { return directory_ / "canary"; }
  static std::string secret() { return "The canary's secret: sing to no job."; }

  // A file, socket or the like at `path` below the root, whose parents are made.
  void directory(const std::string& path, unsigned mode = 0755) const;
  void nest(const std::string& path, const std::string& name, int depth) const;  // also deeper than a path can say
  void file(const std::string& path, const std::string& text, unsigned mode = 0644) const;
  void link(const std::string& path, const std::string& target) const;
  void node(const std::string& path, unsigned type, unsigned major = 0, unsigned minor = 0) const;
  void program(const std::string& path, const std::string& probe, unsigned mode) const;
  void attribute(const std::string& path, const std::string& name, const std::string& value) const;
  Fd listener(const std::string& path) const;  // a socket of the host, listened on as long as the descriptor is open
  static Fd listen_at(const std::filesystem::path& path);

  // Names, modes, owners, sizes, times, links, attributes and contents of everything in image and canary.
  std::string digest() const;

 private:
  std::filesystem::path directory_;
  std::string name_;
};

// The value of security.capability that gives a program every capability there is.
std::string every_capability();

}  // namespace cordon::test
