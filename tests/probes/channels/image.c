// Attempts by the image, whose files are the same for all: writing, watching, locking.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "channels.h"

static int open_with(int flags) {
  const int fd = open(image_file, flags);
  if (fd >= 0) close(fd);
  return fd >= 0;
}
static int to_write(void) {
  return open_with(O_WRONLY);
}
static int to_append(void) {
  return open_with(O_RDWR | O_APPEND);
}
static int to_truncate(void) {
  return truncate(image_file, 4096) == 0;
}

// The most that can be had, as a mapping that all share.
static char* map_shared(int protection) {
  int fd = open(image_file, O_RDWR);
  if (fd < 0) fd = open(image_file, O_RDONLY);
  char* at = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, protection, MAP_SHARED, fd, 0);
  return at == MAP_FAILED ? NULL : at;
}
static int map_to_write(void) {
  char* at = map_shared(PROT_READ | PROT_WRITE);
  if (at != NULL) ++*at;
  return at != NULL;
}
static int make_map_writable(void) {
  char* at = map_shared(PROT_READ);
  if (at == NULL || mprotect(at, 4096, PROT_READ | PROT_WRITE) < 0) return 0;
  ++*at;
  return 1;
}
// Neither may ever change the file: not even where all else is open.
static int map_through_proc(void) {
  char* at = map_shared(PROT_READ);
  const int memory = open("/proc/self/mem", O_RDWR);
  return at != NULL && memory >= 0 && pwrite(memory, "x", 1, (off_t)(long)at) == 1;
}
static int pages_by_splice(void) {
  int ends[2];
  loff_t at = 0;
  const int fd = open(image_file, O_RDONLY);
  return fd >= 0 && pipe(ends) == 0 && splice(fd, &at, ends[1], NULL, 1, 0) == 1;
}
static int pages_by_vmsplice(void) {
  int ends[2];
  struct iovec part = {map_shared(PROT_READ), 4096};
  return part.iov_base != NULL && pipe(ends) == 0 && vmsplice(ends[1], &part, 1, 0) > 0;
}
static int change_mode(void) {
  return chmod(image_file, 0644) == 0;
}
static int change_times(void) {
  return utimensat(AT_FDCWD, image_file, NULL, 0) == 0;
}
static int set_attribute(void) {
  return setxattr(image_file, "user.cordon", "x", 1, 0) == 0;
}
static int make_a_file(void) {
  char path[256];
  snprintf(path, sizeof path, "%s/cordon-mark", image_directory);
  const int fd = open(path, O_CREAT | O_RDWR, 0600);
  if (fd >= 0) unlink(path);
  return fd >= 0 && geteuid() != 0;  // root inside may, in a copy of its own: the victim says when it is not
}
static int link_it_away(void) {
  unlink("/tmp/cordon-link");
  return link(image_file, "/tmp/cordon-link") == 0;
}

static volatile sig_atomic_t noticed;
static void on_notice(int number) {
  (void)number;
  noticed = 1;
}
static void rest(void) {
  for (int i = 0; i < patience_ms / 10 && !noticed; ++i) nanosleep(&(struct timespec){0, 10000000}, NULL);
}
static int watch_by_dnotify(void) {
  const int directory = open(image_directory, O_RDONLY | O_DIRECTORY);
  noticed = 0;
  signal(SIGIO, on_notice);
  if (fcntl(directory, F_NOTIFY, DN_ACCESS | DN_MODIFY | DN_CREATE) < 0) return 0;
  rest();
  return noticed;
}
static int watch_by_inotify(void) {
  const int fd = inotify_init1(0);
  return fd >= 0 && inotify_add_watch(fd, image_directory, IN_OPEN | IN_ACCESS) >= 0 && await_readable(fd);
}
static int watch_by_fanotify(void) {
  const int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY);
  return fd >= 0 && fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_ACCESS, AT_FDCWD, image_file) == 0 &&
         await_readable(fd);
}

static int file_lock(void) {
  return flock(open(image_file, O_RDONLY), LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
// Tells where another's lock begins and how long it is: 126 bits at a time.
static int sees_lock(int command, long at) {
  struct flock wanted = {.l_type = F_WRLCK, .l_start = at, .l_len = 1};
  return fcntl(open(image_file, O_RDONLY), command, &wanted) == 0 && wanted.l_type != F_UNLCK;
}
static int record_lock(void) {
  return sees_lock(F_GETLK, lock_at);
}
static int open_record_lock(void) {
  return sees_lock(F_OFD_GETLK, 2L * lock_at);
}
static int lease(void) {
  const int fd = open(image_file, O_RDONLY);
  const int leased = fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
  close(fd);  // which gives it back
  return leased;
}

const struct attempt image_attempts[] = {{"flock on a file of the image", file_lock},
                                         {"a record lock on a file of the image", record_lock},
                                         {"an open file's record lock on a file of the image", open_record_lock},
                                         {"a lease on a file of the image", lease},
                                         {"dnotify on the image", watch_by_dnotify},
                                         {"inotify on the image", watch_by_inotify},
                                         {"fanotify on the image", watch_by_fanotify},
                                         {"opening a file of the image to write", to_write},
                                         {"opening a file of the image to append", to_append},
                                         {"truncating a file of the image", to_truncate},
                                         {"mapping a file of the image to write", map_to_write},
                                         {"making a mapping of the image writable", make_map_writable},
                                         {"writing a mapping of the image through /proc", map_through_proc},
                                         {"splicing a page of the image", pages_by_splice},
                                         {"vmsplicing a page of the image", pages_by_vmsplice},
                                         {"chmod of a file of the image", change_mode},
                                         {"utimensat of a file of the image", change_times},
                                         {"setxattr of a file of the image", set_attribute},
                                         {"making a file in the image", make_a_file},
                                         {"linking a file of the image away", link_it_away},
                                         {0}};
