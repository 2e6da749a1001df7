// Two jobs try to speak through a FIFO of an image they share. Arguments: listen or speak, and its path. 0 when the
// other was not there, for three seconds.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int listen_at(const char* path) {
  const int fd = open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return printf("held: open (%s)\n", strerror(errno)), 0;
  printf("listening\n");
  fflush(stdout);
  struct pollfd wanted = {fd, POLLIN, 0};
  char word[16];
  const int heard = poll(&wanted, 1, 3000) > 0 && read(fd, word, sizeof word) > 0;
  printf(heard ? "GOT THROUGH: heard a word\n" : "held: heard nothing\n");
  return heard;
}

static int speak_at(const char* path) {
  const int fd = open(path, O_WRONLY | O_NONBLOCK);
  if (fd < 0) return printf("held: nobody reads (%s)\n", strerror(errno)), 0;
  const int spoke = write(fd, "word", 4) == 4;
  printf(spoke ? "GOT THROUGH: spoke a word\n" : "held: spoke to nobody\n");
  return spoke;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return strcmp(argv[1], "listen") == 0 ? listen_at(argv[2]) : speak_at(argv[2]);
}
