// Forks until the kernel refuses, in every process at once. "bounded": one level only, and says how far it came.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int bounded(void) {
  int children = 0;
  for (; children < 5000; ++children) {
    const pid_t child = fork();
    if (child < 0) break;
    if (child == 0)
      for (;;) pause();
  }
  printf("%d %s\n", children, children < 5000 ? strerror(errno) : "and no end");
  return children < 5000 && errno == EAGAIN ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "bounded") == 0) return bounded();
  for (;;) fork();
}
