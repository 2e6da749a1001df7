// Children that are stopped by SIGSTOP, one of them traced by nobody and all of them deaf. With "leave" it then exits,
// otherwise it stops itself too.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { children = 8 };

int main(int argc, char** argv) {
  for (int i = 0; i < children; ++i) {
    if (fork() != 0) continue;
    for (;;) raise(SIGSTOP);
  }
  for (int stopped = 0; stopped < children; ++stopped) {
    int status = 0;
    if (waitpid(-1, &status, WUNTRACED) < 0 || !WIFSTOPPED(status)) return 2;
  }
  puts("set up");
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
  for (;;) raise(SIGSTOP);
}
