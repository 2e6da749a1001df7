// Burns CPU without end. "N": in so many processes. "children": in children that live 50 ms each, so that no single
// process ever reaches a limit of its own.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void spin_for(double seconds) {
  const clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);
  while (clock() < end) continue;
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "children") == 0) {
    for (;;) {
      if (fork() == 0) return spin_for(0.05), 0;
      wait(NULL);
    }
  }
  for (int more = argc > 1 ? atoi(argv[1]) - 1 : 0; more > 0; --more)
    if (fork() == 0) break;
  for (;;) __asm__ volatile("");
}
