#include "supervisor/ledger/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>

#include "sandbox/kernel/fd.hpp"
#include "sandbox/kernel/file.hpp"

namespace cordon::ledger {

KernelError no_room(const char* step, const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return {step, path, error,
          full ? "make room on the disk of the ledger's directory" : "look at the ledger's directory"};
}

void replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const auto draft = path + ".new";
  ::unlink(draft.c_str());
  try {
    Fd file(check(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode), "create", draft));
    const auto written = ::write(file.get(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size())) throw no_room("write", draft, written < 0 ? errno : ENOSPC);
    check(::fchmod(file.get(), mode), "set the mode of", draft);
    check(::fsync(file.get()), "flush", draft);
  } catch (...) {
    ::unlink(draft.c_str());
    throw;
  }
  check(::rename(draft.c_str(), path.c_str()), "put in place", path);
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  std::istringstream text(read_file_if_there(AT_FDCWD, path).value_or(""));
  for (std::string line; std::getline(text, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

}  // namespace cordon::ledger
