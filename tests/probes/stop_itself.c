// Stops all its processes with SIGSTOP: they can neither heed nor be scheduled.
#include <signal.h>
#include <unistd.h>

int main(void) {
  for (int i = 0; i < 3; ++i) fork();
  kill(getpid(), SIGSTOP);
  for (;;) pause();
}
