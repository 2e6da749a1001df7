// What a tool does in the measurements of egress, and the same program beside it without a sandbox.
// usage: egress_tool connect HOST PORT TRIES   microseconds of each: look up, connect, say a byte, hear one
//        egress_tool down|up HOST PORT BYTES   seconds that they took, to the last one
// HOST is a name, which is looked up each time, or an address.
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { block = 1 << 18, pause_us = 1500 };
static char bytes[block];

static void must(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int connected(const char* host, const char* port) {
  const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo* found = NULL;
  must(getaddrinfo(host, port, &wanted, &found) == 0, host);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  must(connect(fd, found->ai_addr, found->ai_addrlen) == 0, "connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  freeaddrinfo(found);
  return fd;
}

static void connect_often(const char* host, const char* port, long tries) {
  for (long i = 0; i <= tries; ++i) {  // the first one finds everything cold, and is not told
    char heard;
    const double begun = now();
    const int fd = connected(host, port);
    must(send(fd, "x", 1, 0) == 1 && recv(fd, &heard, 1, 0) == 1, "hear a byte");
    const double took = now() - begun;
    close(fd);
    if (i > 0) printf("%.1f\n", took * 1e6);
    usleep(pause_us);
  }
}

static void down(int fd, uint64_t wanted) {
  must(send(fd, &wanted, sizeof wanted, 0) == sizeof wanted, "ask");
  while (wanted > 0) {
    const ssize_t size = recv(fd, bytes, block, 0);
    must(size > 0, "receive");
    wanted -= (uint64_t)size;
  }
}

static void up(int fd, uint64_t left) {
  while (left > 0) {
    const ssize_t size = send(fd, bytes, left < block ? left : block, MSG_NOSIGNAL);
    must(size > 0, "send");
    left -= (uint64_t)size;
  }
  shutdown(fd, SHUT_WR);
  must(recv(fd, bytes, 1, 0) == 1, "hear that all has arrived");
}

int main(int argc, char** argv) {
  must(argc == 5, "usage: egress_tool connect|down|up HOST PORT NUMBER");
  if (strcmp(argv[1], "connect") == 0) return connect_often(argv[2], argv[3], atol(argv[4])), 0;
  const int fd = connected(argv[2], argv[3]);
  const double begun = now();
  (strcmp(argv[1], "down") == 0 ? down : up)(fd, strtoull(argv[4], NULL, 10));
  printf("%.6f\n", now() - begun);
  return 0;
}
