// A vfork child that neither executes nor exits: its parent sleeps in the kernel, deaf to all but SIGKILL. With "leave"
// that parent is a child of this program, which exits; otherwise it is this program.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void vfork_forever(int tell, const char* word) {
  const pid_t child = vfork();
  if (child == 0) {
    for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
    if (write(tell, word, strlen(word)) < 0) _exit(2);
    for (;;) pause();
  }
}

int main(int argc, char** argv) {
  int ready[2];
  if (pipe(ready) < 0) return 2;
  const int leaves = argc > 1 && strcmp(argv[1], "leave") == 0;
  if (!leaves) vfork_forever(STDOUT_FILENO, "set up\n");
  for (int i = 0; i < 4; ++i) {
    if (fork() != 0) continue;
    vfork_forever(ready[1], "x");
    _exit(2);
  }
  char byte;
  for (int i = 0; i < 4; ++i)
    if (read(ready[0], &byte, 1) != 1) return 2;
  puts("set up");
  return 0;
}
