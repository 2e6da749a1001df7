// channels serve IMAGE-FILE           is the victim
// channels attempt IMAGE-FILE PID...  tries to reach it; one line for each attempt. 0: held everywhere, 1: got through
// channels both IMAGE-FILE            both, side by side
#define _GNU_SOURCE
#include "channels.h"

#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *image_file, *image_directory;
pid_t victims[max_victims];
int victim_count;

int await_readable(int fd) {
  struct pollfd wanted = {fd, POLLIN, 0};
  return poll(&wanted, 1, patience_ms) == 1 && (wanted.revents & POLLIN) != 0;
}

int reads_secret(int fd) {
  char text[256];
  if (fd < 0) return 0;
  const ssize_t n = read(fd, text, sizeof text);
  close(fd);
  return n > 0 && memmem(text, (size_t)n, SECRET, strlen(SECRET)) != NULL;
}

static int try_all(const struct attempt* attempts) {
  int through = 0;
  for (; attempts->name != NULL; ++attempts) {
    const int reached = attempts->reaches() == 1;
    printf("%s: %s\n", reached ? "GOT THROUGH" : "held", attempts->name);
    fflush(stdout);
    through |= reached;
  }
  return through;
}

static int attempt_everything(void) {
  return try_all(ipc_attempts) | try_all(net_attempts) | try_all(process_attempts) | try_all(image_attempts);
}

static pid_t start_victim(void) {
  int ready[2];
  if (pipe(ready) < 0) exit(2);
  const pid_t victim = fork();
  if (victim == 0) {
    close(ready[0]);
    be_victim(ready[1]);
  }
  close(ready[1]);
  char none;
  while (read(ready[0], &none, 1) > 0) continue;
  close(ready[0]);
  return victim;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  image_file = argv[2];
  image_directory = strdup(argv[2]);
  *strrchr(image_directory, '/') = 0;
  signal(SIGPIPE, SIG_IGN);
  if (strcmp(argv[1], "serve") == 0) be_victim(-1);
  if (strcmp(argv[1], "attempt") == 0) {
    for (int i = 3; i < argc && victim_count < max_victims; ++i) victims[victim_count++] = atoi(argv[i]);
    return attempt_everything();
  }
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);  // one that both may use
  victims[victim_count++] = start_victim();
  const int through = attempt_everything();
  usleep(100000);  // for the victim's last words
  kill(victims[0], SIGKILL);
  return through;
}
