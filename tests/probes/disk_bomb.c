// Fills every place it may write to; 0 when each write was refused in the end. Prints how many bytes were had.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static long long fill(const char* directory, int* held) {
  static char block[1 << 16];
  long long total = 0;
  memset(block, 'x', sizeof block);
  for (int file = 0; file < 10000; ++file) {
    char path[256];
    snprintf(path, sizeof path, "%s/fill-%d", directory, file);
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0) {
      *held = errno == ENOSPC || errno == EACCES || errno == EROFS;
      return total;
    }
    ssize_t n = 0;
    while ((n = write(fd, block, sizeof block)) > 0) total += n;
    const int error = errno;
    close(fd);
    if (error == ENOSPC) return *held = 1, total;
    if (error != EFBIG) break;  // a full file: the next one
  }
  *held = 0;
  return total;
}

int main(void) {
  const char* places[] = {"/work", "/tmp", "/dev/shm"};
  int all_held = 1;
  long long total = 0;
  signal(SIGXFSZ, SIG_IGN);
  for (unsigned i = 0; i < 3; ++i) {
    int held = 0;
    total += fill(places[i], &held);
    all_held = all_held && held;
  }
  printf("%lld\n", total);
  return all_held ? 0 : 1;
}
