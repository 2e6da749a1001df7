#include "sandbox/init/workspace_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"

namespace cordon {

namespace {

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto n = check(::write(fd, bytes.data(), bytes.size()), "write workspace file", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void make_parents(int work, const std::string& path) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const auto parent = path.substr(0, slash);
    if (::mkdirat(work, parent.c_str(), 0755) < 0 && errno != EEXIST) check(-1, "make workspace directory", parent);
  }
}

}  // namespace

void write_workspace_files(const std::vector<PayloadFile>& files) {
  if (files.empty()) return;
  const auto work = open_directory("/work");
  for (const auto& file : files) {
    make_parents(work.get(), file.path);
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const Fd fd(check(::openat(work.get(), file.path.c_str(), flags, 0600), "create workspace file", file.path));
    write_all(fd.get(), file.content, file.path);
    check(::fchmod(fd.get(), file.mode), "set the mode of workspace file", file.path);
  }
}

}  // namespace cordon
