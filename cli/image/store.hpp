// Where imported images are: NAME.erofs, root's and read-only, and NAME.json, which says what it was made from.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon::cli::image {

using Json = nlohmann::ordered_json;

class Store {
 public:
  explicit Store(std::string directory);  // made where it is not there

  // For whoever changes it, as long as it lives; Failure while somebody else does. What an earlier one has left behind
  // that could not clean up goes now.
  Fd lock() const;
  void expect_free(const std::string& name) const;  // Failure otherwise, and for what is no name
  // Copies the file that a process without rights has made; returns `record` with what is known now.
  Json take(const std::string& made, const std::string& name, const std::string& source, Json record) const;
  std::vector<Json> all() const;
  Json record_of(const std::string& name) const;
  // Where to make it before it is taken; goes with the lock's holder, or with the next one's.
  static constexpr const char* unfinished = ".import-";
  std::string sha256_now(const std::string& name) const;  // of the file as it is
  void remove(const std::string& name) const;

 private:
  std::string path(const std::string& name, const char* ending) const;
  std::string directory_;
};

}  // namespace cordon::cli::image
