// Ignores and blocks every signal that it can, in processes that sleep and in one that spins.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void become_deaf(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
}

int main(int argc, char** argv) {
  become_deaf();
  for (int i = 0; i < 6; ++i) {
    if (fork() != 0) continue;
    while (i == 0) continue;
    for (;;) pause();
  }
  puts("set up");
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
  for (;;) pause();
}
