// Makes empty files until that is refused. Prints how many there are.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
  int files = 0;
  for (; files < 5000000; ++files) {
    char path[64];
    snprintf(path, sizeof path, "f%d", files);
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0) break;
    close(fd);
  }
  printf("%d\n", files);
  return files < 5000000 && errno == ENOSPC ? 0 : 1;
}
