// Tries for 100,000 threads; says how many there are when no more are given, and goes on trying.
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { wanted = 100000, failures_enough = 500 };

static void* sleep_forever(void* nothing) {
  for (;;) pause();
  return nothing;
}

int main(int argc, char** argv) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
  int made = 0, failed = 0;
  for (int i = 0; i < wanted; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, &small, sleep_forever, NULL) == 0) {
      ++made;
    } else if (++failed == failures_enough) {
      printf("set up\n%d threads\n", made);
      fflush(stdout);
      if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
    }
  }
  for (;;) pause();
}
