#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <utime.h>

#include <cerrno>

#include "tests/rules/use.hpp"

namespace cordon::test {
namespace {

constexpr int here = AT_FDCWD;
char bytes[4096];
const iovec some{bytes, 2};
struct stat info;
struct statfs system_info;
struct statx more_info;
const utimbuf seconds{1, 2};
const timeval micros[2]{{1, 0}, {2, 0}};
const timespec nanos[2]{{1, 0}, {2, 0}};
constexpr auto no_such = "security.none";  // an extended attribute

const std::vector<Use> open_files{
    {"read", [](auto& t, auto&) { return call(SYS_read, t.file, bytes, 2); }},
    {"write", [](auto& t, auto&) { return call(SYS_write, t.file, bytes, 2); }},
    {"readv", [](auto& t, auto&) { return call(SYS_readv, t.file, &some, 1); }},
    {"writev", [](auto& t, auto&) { return call(SYS_writev, t.file, &some, 1); }},
    {"pread64", [](auto& t, auto&) { return call(SYS_pread64, t.file, bytes, 2, 0); }},
    {"pwrite64", [](auto& t, auto&) { return call(SYS_pwrite64, t.file, bytes, 2, 0); }},
    {"preadv", [](auto& t, auto&) { return call(SYS_preadv, t.file, &some, 1, 0, 0); }},
    {"pwritev", [](auto& t, auto&) { return call(SYS_pwritev, t.file, &some, 1, 0, 0); }},
    {"lseek", [](auto& t, auto&) { return call(SYS_lseek, t.file, 0, SEEK_SET); }},
    {"close", [](auto& t, auto&) { return call(SYS_close, t.file); }},
    {"close_range", [](auto& t, auto&) { return call(SYS_close_range, t.file, t.file, 0); }},
    {"dup", [](auto& t, auto&) { return call(SYS_dup, t.file); }},
    {"dup2", [](auto& t, auto&) { return call(SYS_dup2, t.file, t.other); }},
    {"dup3", [](auto& t, auto&) { return call(SYS_dup3, t.file, t.other, O_CLOEXEC); }},
    {"fcntl", [](auto& t, auto&) { return call(SYS_fcntl, t.file, F_GETFL); }},
    {"flock", [](auto& t, auto&) { return call(SYS_flock, t.file, LOCK_SH); }},
    {"ftruncate", [](auto& t, auto&) { return call(SYS_ftruncate, t.file, 100); }},
    {"truncate", [](auto&, auto&) { return call(SYS_truncate, "file", 100); }},
    {"fallocate", [](auto& t, auto&) { return call(SYS_fallocate, t.file, 0, 0, 100); }},
    {"fadvise64",
     [](auto& t, auto& asked) { return call(SYS_fadvise64, t.file, 0, 0, asked[3].value_or(POSIX_FADV_NORMAL)); }},
    {"sync_file_range", [](auto& t, auto&) { return call(SYS_sync_file_range, t.file, 0, 0, 0); }},
    {"fsync", [](auto& t, auto&) { return call(SYS_fsync, t.file); }},
    {"fdatasync", [](auto& t, auto&) { return call(SYS_fdatasync, t.file); }},
    {"copy_file_range",
     [](auto& t, auto&) { return call(SYS_copy_file_range, t.file, nullptr, t.other, nullptr, 2, 0); }},
    {"sendfile", [](auto& t, auto&) { return call(SYS_sendfile, t.other, t.file, nullptr, 2); }},
    {"fstat", [](auto& t, auto&) { return call(SYS_fstat, t.file, &info); }},
    {"fstatfs", [](auto& t, auto&) { return call(SYS_fstatfs, t.file, &system_info); }},
    {"getdents", [](auto& t, auto&) { return call(SYS_getdents, t.directory, bytes, sizeof bytes); }},
    {"getdents64", [](auto& t, auto&) { return call(SYS_getdents64, t.directory, bytes, sizeof bytes); }},
    {"fchdir", [](auto& t, auto&) { return call(SYS_fchdir, t.directory); }},
    {"fchmod", [](auto& t, auto&) { return call(SYS_fchmod, t.file, 0600); }},
    {"fchown", [](auto& t, auto&) { return call(SYS_fchown, t.file, -1, -1); }},
    {"fgetxattr", [](auto& t, auto&) { return expects(ENODATA, call(SYS_fgetxattr, t.file, no_such, bytes, 9)); }},
    {"flistxattr", [](auto& t, auto&) { return call(SYS_flistxattr, t.file, bytes, sizeof bytes); }},
};

const std::vector<Use> looks{
    {"open", [](auto&, auto&) { return call(SYS_open, "file", O_RDONLY); }},
    {"openat", [](auto&, auto&) { return call(SYS_openat, here, "file", O_RDONLY); }},
    {"creat", [](auto&, auto&) { return call(SYS_creat, "new", 0600); }},
    {"access", [](auto&, auto&) { return call(SYS_access, "file", R_OK); }},
    {"faccessat", [](auto&, auto&) { return call(SYS_faccessat, here, "file", R_OK); }},
    {"faccessat2", [](auto&, auto&) { return call(SYS_faccessat2, here, "file", R_OK, AT_EACCESS); }},
    {"stat", [](auto&, auto&) { return call(SYS_stat, "file", &info); }},
    {"lstat", [](auto&, auto&) { return call(SYS_lstat, "link", &info); }},
    {"newfstatat", [](auto&, auto&) { return call(SYS_newfstatat, here, "file", &info, 0); }},
    {"statx", [](auto&, auto&) { return call(SYS_statx, here, "file", 0, STATX_BASIC_STATS, &more_info); }},
    {"statfs", [](auto&, auto&) { return call(SYS_statfs, "file", &system_info); }},
    {"readlink", [](auto&, auto&) { return call(SYS_readlink, "link", bytes, sizeof bytes); }},
    {"readlinkat", [](auto&, auto&) { return call(SYS_readlinkat, here, "link", bytes, sizeof bytes); }},
    {"getcwd", [](auto&, auto&) { return call(SYS_getcwd, bytes, sizeof bytes); }},
    {"chdir", [](auto&, auto&) { return call(SYS_chdir, "directory"); }},
    {"umask", [](auto&, auto&) { return call(SYS_umask, 022); }},
    {"getxattr", [](auto&, auto&) { return expects(ENODATA, call(SYS_getxattr, "file", no_such, bytes, 9)); }},
    {"lgetxattr", [](auto&, auto&) { return expects(ENODATA, call(SYS_lgetxattr, "file", no_such, bytes, 9)); }},
    {"listxattr", [](auto&, auto&) { return call(SYS_listxattr, "file", bytes, sizeof bytes); }},
    {"llistxattr", [](auto&, auto&) { return call(SYS_llistxattr, "file", bytes, sizeof bytes); }},
};

const std::vector<Use> changes{
    {"mkdir", [](auto&, auto&) { return call(SYS_mkdir, "new", 0700); }},
    {"mkdirat", [](auto&, auto&) { return call(SYS_mkdirat, here, "new", 0700); }},
    {"rmdir", [](auto&, auto&) { return call(SYS_rmdir, "directory"); }},
    {"unlink", [](auto&, auto&) { return call(SYS_unlink, "other"); }},
    {"unlinkat", [](auto&, auto&) { return call(SYS_unlinkat, here, "other", 0); }},
    {"rename", [](auto&, auto&) { return call(SYS_rename, "other", "new"); }},
    {"renameat", [](auto&, auto&) { return call(SYS_renameat, here, "other", here, "new"); }},
    {"renameat2", [](auto&, auto&) { return call(SYS_renameat2, here, "other", here, "new", 0); }},
    {"link", [](auto&, auto&) { return call(SYS_link, "file", "new"); }},
    {"linkat", [](auto&, auto&) { return call(SYS_linkat, here, "file", here, "new", 0); }},
    {"symlink", [](auto&, auto&) { return call(SYS_symlink, "file", "new"); }},
    {"symlinkat", [](auto&, auto&) { return call(SYS_symlinkat, "file", here, "new"); }},
    {"chmod", [](auto&, auto&) { return call(SYS_chmod, "file", 0600); }},
    {"fchmodat", [](auto&, auto&) { return call(SYS_fchmodat, here, "file", 0600); }},
    {"chown", [](auto&, auto&) { return call(SYS_chown, "file", -1, -1); }},
    {"lchown", [](auto&, auto&) { return call(SYS_lchown, "link", -1, -1); }},
    {"fchownat", [](auto&, auto&) { return call(SYS_fchownat, here, "file", -1, -1, 0); }},
    {"utime", [](auto&, auto&) { return call(SYS_utime, "file", &seconds); }},
    {"utimes", [](auto&, auto&) { return call(SYS_utimes, "file", micros); }},
    {"utimensat", [](auto&, auto&) { return call(SYS_utimensat, here, "file", nanos, 0); }},
    {"mknod", [](auto&, auto& args) { return call(SYS_mknod, "new", *args[1] | 0600, 0); }},
    {"mknodat", [](auto&, auto& args) { return call(SYS_mknodat, here, "new", *args[2] | 0600, 0); }},
};

}  // namespace

std::vector<Use> uses_of_files() {
  auto all = open_files;
  all.insert(all.end(), looks.begin(), looks.end());
  all.insert(all.end(), changes.begin(), changes.end());
  return all;
}

}  // namespace cordon::test
