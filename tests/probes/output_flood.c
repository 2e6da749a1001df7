// Writes without end, to standard output or, with "stderr", to the other. "N" bytes only when a number is given.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  static char block[1 << 16];
  memset(block, 'y', sizeof block);
  const int fd = argc > 1 && strcmp(argv[1], "stderr") == 0 ? 2 : 1;
  long long left = argc > 1 ? atoll(argv[argc - 1]) : 0;
  const int endless = left == 0;
  while (endless || left > 0) {
    const size_t size = endless || left > (long long)sizeof block ? sizeof block : (size_t)left;
    const ssize_t n = write(fd, block, size);
    if (n < 0) return 1;
    left -= n;
  }
  return 0;
}
