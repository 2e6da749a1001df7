// Processes that sleep in the kernel where they can: opening a FIFO for reading and for writing, waiting for a file
// lock and for a record lock, reading an empty pipe, writing a full one.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int pipe_fds[2];

static void open_to_read(void) {
  open("fifo.read", O_RDONLY);
}
static void open_to_write(void) {
  open("fifo.write", O_WRONLY);
}
static void await_file_lock(void) {
  flock(open("file", O_RDWR), LOCK_EX);
}
static void await_record_lock(void) {
  struct flock whole = {.l_type = F_WRLCK};
  fcntl(open("record", O_RDWR), F_SETLKW, &whole);
}
static void read_empty(void) {
  int ends[2];
  char byte;
  if (pipe(ends) == 0 && read(ends[0], &byte, 1) < 0) _exit(2);
}
static void write_full(void) {
  static char many[1 << 20];
  if (write(pipe_fds[1], many, sizeof many) < 0) _exit(2);
}

int main(int argc, char** argv) {
  void (*const waits[])(void) = {open_to_read,      open_to_write, await_file_lock,
                                 await_record_lock, read_empty,    write_full};
  struct flock whole = {.l_type = F_WRLCK};
  const int record = open("record", O_RDWR | O_CREAT, 0600), file = open("file", O_RDWR | O_CREAT, 0600);
  if (mkfifo("fifo.read", 0600) < 0 || mkfifo("fifo.write", 0600) < 0 || pipe(pipe_fds) < 0) return 2;
  if (fcntl(record, F_SETLK, &whole) < 0 || flock(file, LOCK_EX) < 0) return 2;
  for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; ++i) {
    if (fork() != 0) continue;
    for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
    for (;;) waits[i]();
  }
  puts("set up");
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
  open_to_read();
  return 2;
}
