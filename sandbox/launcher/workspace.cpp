#include "sandbox/launcher/workspace.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/mount.hpp"

namespace cordon {

namespace {

void make_directory(int at, const char* name, mode_t mode, std::uint32_t owner) {
  check(::mkdirat(at, name, mode), "make scratch directory", name);
  check(::fchownat(at, name, owner, owner, AT_SYMLINK_NOFOLLOW), "give away scratch directory", name);
  check(::fchmodat(at, name, mode, 0), "set the mode of scratch directory", name);
}

void expect_same(const std::string& control, const std::string& wanted, const std::string& found) {
  if (wanted != found)
    throw KernelError("read back", control + ": planned " + wanted + ", the kernel says " + found, ENOTRECOVERABLE);
}

}  // namespace

Workspace::Workspace(const ScratchBounds& bounds, std::uint32_t owner)
    : bounds_(bounds),
      mount_(new_mount("tmpfs", {{"size", bounds.bytes}, {"nr_inodes", bounds.inodes}, {"mode", "0755"}},
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)) {
  make_directory(mount_.get(), "work", 0755, owner);
  make_directory(mount_.get(), "tmp", 01777, owner);
  make_directory(mount_.get(), "shm", 01777, owner);
  root_ = open_directory(mount_.get(), ".");
}

void Workspace::resize(const ScratchBounds& bounds) {
  if (bounds == bounds_) return;
  reconfigure_mount(mount_, {{"size", bounds.bytes}, {"nr_inodes", bounds.inodes}});
  bounds_ = bounds;
}

void Workspace::make_hosts(std::uint64_t bytes) {
  hosts_.reset(check(::openat(root_.get(), "hosts", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), "create", "hosts"));
  check(::fchmod(hosts_.get(), 0644), "set the mode of", "hosts");
  check(::fallocate(hosts_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)), "make room for", "hosts");
}

void Workspace::write_hosts(std::string_view text) {
  const auto written = check(::pwrite(hosts_.get(), text.data(), text.size(), 0), "write", "hosts");
  if (static_cast<std::size_t>(written) != text.size()) throw KernelError("write", "hosts", ENOSPC);
}

struct statfs Workspace::look() const {
  struct statfs st {};
  check(::fstatfs(root_.get(), &st), "statfs the scratch space");
  return st;
}

Facts Workspace::read_back(const ScratchBounds& bounds) const {
  const auto st = look();
  const auto whole_pages = (parse_number(bounds.bytes) + page_bytes - 1) / page_bytes * page_bytes;
  const auto bytes = std::to_string(st.f_blocks * static_cast<std::uint64_t>(st.f_bsize));
  const auto inodes = std::to_string(st.f_files);
  expect_same("scratch.bytes", std::to_string(whole_pages), bytes);
  expect_same("scratch.inodes", bounds.inodes, inodes);
  return {{"scratch.bytes", bytes}, {"scratch.inodes", inodes}};
}

Workspace::Used Workspace::used() const {
  const auto st = look();
  return {st.f_files - st.f_ffree, (st.f_blocks - st.f_bfree) * static_cast<std::uint64_t>(st.f_bsize)};
}

std::optional<Denial> Workspace::full() const {
  const auto st = look();
  if (st.f_bfree == 0) return Denial{"scratch", std::nullopt, "scratch_bytes is used up"};
  if (st.f_ffree == 0) return Denial{"scratch", std::nullopt, "scratch_inodes is used up"};
  return std::nullopt;
}

}  // namespace cordon
