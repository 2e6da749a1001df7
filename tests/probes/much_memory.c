// Processes with much memory of their own and much of it shared, which the kernel has to give back when they die.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { processes = 6, shared_bytes = 96 << 20, own_bytes = 32 << 20 };

int main(int argc, char** argv) {
  char* shared = mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int ready[2];
  if (shared == MAP_FAILED || pipe(ready) < 0) return 2;
  memset(shared, 1, shared_bytes);
  for (int i = 0; i < processes; ++i) {
    if (fork() != 0) continue;
    char* own = malloc(own_bytes);
    if (own == NULL) _exit(2);
    memset(own, 2, own_bytes);
    for (int at = 0; at < shared_bytes; at += 4096) shared[at] ^= own[at % own_bytes];
    if (write(ready[1], "x", 1) < 0) _exit(2);
    for (;;) pause();
  }
  char byte;
  for (int i = 0; i < processes; ++i)
    if (read(ready[0], &byte, 1) != 1) return 2;
  puts("set up");
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
  for (;;) pause();
}
