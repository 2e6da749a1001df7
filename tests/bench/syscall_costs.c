// Times what a program asks the kernel for, and prints a line "NAME NANOSECONDS" for each kind: the same binary runs
// bare and as a job. usage: syscall_costs DIRECTORY, where it may write 8 MiB
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { block = 64 * 1024, small_block = 4 * 1024, file_bytes = 8 * 1024 * 1024 };

static char buffer[block];

static void must(int holds, const char* what) {
  if (holds) return;
  perror(what);
  exit(1);
}

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void ask_for_parent(int times) {
  for (int i = 0; i < times; ++i) syscall(SYS_getppid);
}

// Its first argument is looked at by a filter that allows some of its uses.
static void ask_for_name(int times) {
  char name[16];
  for (int i = 0; i < times; ++i) prctl(PR_GET_NAME, name);
}

// EBADF where it is allowed.
static void ask_for_what_is_refused(int times) {
  for (int i = 0; i < times; ++i) syscall(SYS_setns, -1, 0);
}

static void write_and_read(int times, int size) {
  const int fd = open("written", O_RDWR | O_CREAT | O_TRUNC, 0600);
  must(fd >= 0, "open");
  for (int i = 0; i < times; ++i) must(write(fd, buffer, size) == size, "write");
  lseek(fd, 0, SEEK_SET);
  for (int i = 0; i < times; ++i) must(read(fd, buffer, size) == size, "read");
  close(fd);
  unlink("written");
}
static void large_blocks(int times) {
  write_and_read(times, block);
}
static void small_blocks(int times) {
  write_and_read(times, small_block);
}

static void small_files(int times) {
  for (int i = 0; i < times; ++i) write_and_read(1, small_block);
}

// On one processor, so that what is timed is the switch and not which processor wakes up how fast.
static void stay_on_one_processor(void) {
  cpu_set_t all, one;
  must(sched_getaffinity(0, sizeof all, &all) == 0, "sched_getaffinity");
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    must(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
    return;
  }
}

static void answer(int from, int to) {
  char byte;
  while (read(from, &byte, 1) == 1)
    if (write(to, &byte, 1) != 1) break;
  _exit(0);
}

static void ping_pong(int times) {
  int there[2], back[2];
  char byte = 0;
  must(pipe(there) == 0 && pipe(back) == 0, "pipe");
  const pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    close(there[1]);
    answer(there[0], back[1]);
  }
  for (int i = 0; i < times; ++i) must(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "ping-pong");
  close(there[1]);
  must(waitpid(child, NULL, 0) == child, "waitpid");
  close(there[0]);
  close(back[0]);
  close(back[1]);
}

struct kind {
  const char* name;
  void (*work)(int times);
  int times;
};

// What else the machine does comes in between now and then; not each time.
static double fastest_of_five(const struct kind* kind) {
  double fastest = 0;
  for (int run = 0; run < 5; ++run) {
    const double begun = now_ns();
    kind->work(kind->times);
    const double took = now_ns() - begun;
    if (run == 0 || took < fastest) fastest = took;
  }
  return fastest;
}

int main(int argc, char** argv) {
  static const struct kind kinds[] = {
      {"getppid", ask_for_parent, 50000},
      {"prctl", ask_for_name, 50000},
      {"refused", ask_for_what_is_refused, 1000},
      {"blocks_64k", large_blocks, file_bytes / block},
      {"blocks_4k", small_blocks, file_bytes / small_block},
      {"small_files", small_files, 500},
      {"ping_pong", ping_pong, 3000},
  };
  must(argc == 2 && chdir(argv[1]) == 0, "chdir");
  memset(buffer, 'x', sizeof buffer);
  stay_on_one_processor();
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
    kinds[i].work(kinds[i].times / 10);
    printf("%s %.1f\n", kinds[i].name, fastest_of_five(&kinds[i]) / kinds[i].times);
  }
  return 0;
}
