// Where a journal lies while a test lives.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace cordon::test {

struct JournalFile {
  JournalFile() {
    char name[] = "/tmp/cordon-unit-XXXXXX";
    dir = ::mkdtemp(name);
    path = dir + "/journal.db";
  }
  ~JournalFile() { std::filesystem::remove_all(dir); }
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;

  std::string dir, path;
};

}  // namespace cordon::test
