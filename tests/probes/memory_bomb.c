// Touches memory without end. "shared": through a memfd, "processes": in children too.
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
  const size_t step = 1 << 20;
  if (argc > 1 && strcmp(argv[1], "shared") == 0) {
    static char block[1 << 20];
    memset(block, 1, sizeof block);
    const int fd = memfd_create("hoard", 0);
    while (write(fd, block, sizeof block) > 0) continue;
    return 0;
  }
  if (argc > 1 && strcmp(argv[1], "processes") == 0)
    for (int i = 0; i < 3; ++i) fork();
  for (;;) {
    char *more = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more == MAP_FAILED) return 0;
    memset(more, 1, step);
  }
}
