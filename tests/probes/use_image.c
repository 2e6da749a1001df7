// An ordinary program's needs of its root: what Cordon puts there is there whatever the image is. One line a need; 0
// when all were met.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int failed = 0;

static void say(int works, const char* what) {
  if (!works) failed = 1;
  printf("%s: %s\n", works ? "works" : "BROKEN", what);
}

static int is_directory(const char* path) {
  struct stat st;
  return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int is_device(const char* path, unsigned minor_number) {
  struct stat st;
  return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, minor_number);
}

static int takes_files(const char* path) {
  char name[64];
  snprintf(name, sizeof name, "%s/.mine", path);
  const int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  const int works = fd >= 0 && write(fd, "x", 1) == 1;
  if (fd >= 0) close(fd), unlink(name);
  return works;
}

static int begins_with(const char* path, const char* text) {
  char line[128] = "";
  FILE* file = fopen(path, "r");
  if (file == NULL) return 0;
  const int same = fgets(line, sizeof line, file) != NULL && strncmp(line, text, strlen(text)) == 0;
  fclose(file);
  return same;
}

int main(void) {
  const char* points[] = {"/dev", "/etc", "/proc", "/run", "/sys", "/tmp", "/work"};
  for (unsigned i = 0; i < 7; ++i) say(is_directory(points[i]), points[i]);
  const char* writable[] = {"/work", "/tmp", "/dev/shm"};
  for (unsigned i = 0; i < 3; ++i) {
    char what[32];
    snprintf(what, sizeof what, "writing in %s", writable[i]);
    say(takes_files(writable[i]), what);
  }
  say(is_device("/dev/null", 3) && open("/dev/null", O_RDWR | O_CLOEXEC) >= 0, "/dev/null");
  say(is_device("/dev/urandom", 9) && open("/dev/urandom", O_RDONLY | O_CLOEXEC) >= 0, "/dev/urandom");
  say(begins_with("/proc/self/status", "Name:\tuse_image\n"), "/proc/self/status");
  say(begins_with("/etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"), "/etc/passwd");
  say(begins_with("/etc/hosts", "127.0.0.1 localhost cordon\n"), "/etc/hosts");
  return failed;
}
