// Leaves its process group and session behind by a double fork, several times over; the daemons hold standard output
// and ignore every signal. With "leave" it then exits, otherwise it stays with them.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { daemons = 5 };

static void become_daemon(int ready) {
  setsid();
  if (fork() != 0) _exit(0);
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
  close(ready);
  for (;;) pause();
}

int main(int argc, char** argv) {
  int ready[2];
  if (pipe(ready) < 0) return 2;
  for (int i = 0; i < daemons; ++i) {
    if (fork() == 0) {
      close(ready[0]);
      become_daemon(ready[1]);
    }
  }
  close(ready[1]);
  char none;
  while (read(ready[0], &none, 1) > 0) continue;  // end of file: all of them are daemons
  puts("set up");
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
  for (;;) pause();
}
