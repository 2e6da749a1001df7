// Tries to be traced and to trace a child of its own, for a traced process stops where its tracer wants. 0: refused.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <unistd.h>

static int through = 0;

static void tell(const char* what, long result) {
  if (result < 0 && (errno == EPERM || errno == ENOSYS)) {
    printf("held: %s\n", what);
  } else {
    printf("GOT THROUGH: %s\n", what);
    through = 1;
  }
}

int main(void) {
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  tell("PTRACE_TRACEME", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
  tell("PTRACE_ATTACH to a child", ptrace(PTRACE_ATTACH, child, NULL, NULL));
  tell("PTRACE_SEIZE of a child", ptrace(PTRACE_SEIZE, child, NULL, (void*)(long)PTRACE_O_EXITKILL));
  kill(child, SIGKILL);
  return through;
}
