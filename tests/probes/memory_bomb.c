// Touches memory without end. "shared": memory that is a file to the kernel, "processes": in children too.
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const size_t step = 1 << 20;
  const int kind = argc > 1 && strcmp(argv[1], "shared") == 0 ? MAP_SHARED : MAP_PRIVATE;
  if (argc > 1 && strcmp(argv[1], "processes") == 0)
    for (int i = 0; i < 3; ++i) fork();
  for (;;) {
    char* more = mmap(NULL, step, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
    if (more == MAP_FAILED) return 0;
    memset(more, 1, step);
  }
}
