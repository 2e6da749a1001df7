// Tries for 2,000 processes that ignore every signal; says how many there are, and goes on trying.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { wanted = 2000 };

int main(int argc, char** argv) {
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
  int made = 0;
  for (int i = 0; i < wanted; ++i) {
    const pid_t child = fork();
    if (child == 0)
      for (;;) pause();
    if (child > 0) ++made;
  }
  printf("set up\n%d processes\n", made);
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
  for (;;) {
    if (fork() == 0)
      for (;;) pause();
  }
}
