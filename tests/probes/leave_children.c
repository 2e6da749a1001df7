// Exits at once and leaves a process behind that has left its session, holds standard output and ignores what it can.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
  printf("parent\n");
  fflush(stdout);
  if (fork() > 0) return 0;
  setsid();
  if (fork() > 0) return 0;
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
  for (;;) pause();
}
