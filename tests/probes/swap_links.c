// Exchanges each file given with a link to a secret, and a directory with a link to another, in an endless race, and
// leaves a child doing that when it exits. Arguments: the secret, the directory it is in. Works in out/.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int exchange(const char* one, const char* other) {
  return (int)syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */);
}

static void make_file(const char* path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (fd < 0 || write(fd, "mine", 4) != 4) exit(2);
  close(fd);
}

static void swap_for_ever(void) {
  for (;;) {
    for (int i = 0; i < 8; ++i) {
      char file[32], link[32];
      snprintf(file, sizeof file, "out/file%d", i);
      snprintf(link, sizeof link, "out/link%d", i);
      exchange(file, link);
    }
    exchange("out/dir", "out/dirlink");
    exchange("out/dir/secret", "out/file0");
  }
}

int main(int argc, char** argv) {
  if (argc != 3 || mkdir("out", 0755) < 0 || mkdir("out/dir", 0755) < 0) return 2;
  const char* targets[] = {argv[1],
                           "/etc/passwd",
                           "/etc/shadow",
                           "/proc/self/environ",
                           "/proc/1/root/etc/passwd",
                           "/work/../../../../../../etc/passwd",
                           "/dev/zero",
                           "/usr/bin/env"};
  for (int i = 0; i < 8; ++i) {
    char file[32], link[32];
    snprintf(file, sizeof file, "out/file%d", i);
    snprintf(link, sizeof link, "out/link%d", i);
    make_file(file);
    if (symlink(targets[i], link) < 0) return 2;
  }
  make_file("out/dir/secret");
  if (symlink(argv[2], "out/dirlink") < 0) return 2;
  if (exchange("out/file0", "out/link0") < 0) return printf("no exchange: %s\n", strerror(errno)), 2;
  if (fork() == 0) swap_for_ever();
  usleep(20000);
  printf("racing\n");
  return 0;
}
