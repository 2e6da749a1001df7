// Sends its standard output over a socket that is itself on its way in that socket, and closes all of them: nobody
// holds the pipe any more but a knot that only the kernel's garbage collector of sockets can untie.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int tie_knot(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return -1;
  const int passed[4] = {STDOUT_FILENO, STDERR_FILENO, ends[0], ends[1]};
  char byte = 0;
  char control[CMSG_SPACE(sizeof passed)] = {0};
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof passed);
  memcpy(CMSG_DATA(header), passed, sizeof passed);
  for (int i = 0; i < 2; ++i)
    if (sendmsg(ends[i], &message, 0) < 0) return -1;
  close(ends[0]);
  close(ends[1]);
  return 0;
}

int main(int argc, char** argv) {
  for (int i = 0; i < 16; ++i)
    if (tie_knot() < 0) return 2;
  puts("set up");
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
  for (;;) pause();
}
