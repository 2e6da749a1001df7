// Lines of processes in which each forks its successor and exits, as fast as they can: at no time is there a list of
// processes to be killed one by one.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { lines = 12 };

static void run_away(void) {
  for (;;) {
    const pid_t child = fork();
    if (child > 0) _exit(0);
  }
}

int main(int argc, char** argv) {
  signal(SIGCHLD, SIG_IGN);
  for (int i = 0; i < lines; ++i)
    if (fork() == 0) run_away();
  puts("set up");
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
  for (;;) pause();
}
