// Archives for tests of what reads them: every entry as it is said here, however hostile.
#pragma once

#include <archive_entry.h>

#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon::test {

struct Entry {
  std::string path;
  std::string content{};
  unsigned type = AE_IFREG;
  std::string link{};
  bool hard = false;
  unsigned mode = 0644;
};

inline Entry folder(const std::string& path) {
  return {path, "", AE_IFDIR, "", false, 0755};
}
inline Entry link_to(const std::string& path, const std::string& target) {
  return {path, "", AE_IFLNK, target};
}
inline Entry hard_link_to(const std::string& path, const std::string& target) {
  return {path, "", AE_IFREG, target, true};
}

enum class Packing { none, gzip, bzip2 };

// A tar of them, in memory. Throws when libarchive does not want to write one.
Fd archive_of(const std::vector<Entry>& entries, Packing packing = Packing::none);
std::string bytes_of(const Fd& archive);

}  // namespace cordon::test
