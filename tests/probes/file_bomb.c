// Makes one file as large as it may be. Prints its size; 0 when growing was refused with EFBIG.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  static char block[4096];
  memset(block, 'z', sizeof block);
  signal(SIGXFSZ, SIG_IGN);
  const int fd = open("large", O_WRONLY | O_CREAT, 0600);
  long long size = 0;
  ssize_t n = 0;
  while ((n = write(fd, block, sizeof block)) > 0) size += n;
  const int error = errno;
  printf("%lld %s\n", size, strerror(error));
  return error == EFBIG ? 0 : 1;
}
