// The least that a relay costs: accepts, connects on, and has the kernel hand on what comes (splice(2)). No policy, no
// evidence, no budget, nothing counted; a thread for each direction. What cordon-egress takes beyond it is its own.
// usage: egress_relay HERE HOST PORT...
//   listens on each port of HERE, and connects on to the same port of HOST: an address, or a name, looked up each time
#define _GNU_SOURCE
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { most = 1 << 18, pipe_bytes = 1 << 20 };
static const char *here, *host;

static void must(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static struct sockaddr_in address(const char* of, uint16_t port) {
  const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};  // A and AAAA, as everybody asks
  struct addrinfo* found = NULL;
  const int failed = getaddrinfo(of, NULL, &wanted, &found);
  if (failed != 0 || found->ai_family != AF_INET) {
    fprintf(stderr, "%s: %s\n", of, failed != 0 ? gai_strerror(failed) : "not IPv4");
    exit(1);
  }
  struct sockaddr_in at = *(struct sockaddr_in*)found->ai_addr;
  at.sin_port = htons(port);
  freeaddrinfo(found);
  return at;
}

struct way {
  int from, to;
};

static void* pass(void* argument) {
  const struct way way = *(struct way*)argument;
  int ends[2];
  must(pipe2(ends, O_CLOEXEC) == 0, "make a pipe");
  fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes);
  for (;;) {
    ssize_t size = splice(way.from, NULL, ends[1], NULL, most, SPLICE_F_MOVE);
    if (size <= 0) break;
    while (size > 0) {
      const ssize_t given = splice(ends[0], NULL, way.to, NULL, (size_t)size, SPLICE_F_MOVE);
      if (given <= 0) break;
      size -= given;
    }
    if (size > 0) break;
  }
  shutdown(way.to, SHUT_WR);
  close(ends[0]);
  close(ends[1]);
  return NULL;
}

static void* serve(void* argument) {
  const int tool = (int)(intptr_t)argument, far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in asked;
  socklen_t size = sizeof asked;
  must(getsockname(tool, (struct sockaddr*)&asked, &size) == 0, "getsockname");
  const struct sockaddr_in there = address(host, ntohs(asked.sin_port));
  setsockopt(tool, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(far, (const struct sockaddr*)&there, sizeof there) == 0) {
    struct way up = {tool, far}, down = {far, tool};
    pthread_t other;
    must(pthread_create(&other, NULL, pass, &up) == 0, "make a thread");
    pass(&down);
    pthread_join(other, NULL);
  }
  close(far);
  close(tool);
  return NULL;
}

static void* serve_port(void* argument) {
  const int on = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct sockaddr_in at = address(here, (uint16_t)atoi(argument));
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  must(bind(listening, (const struct sockaddr*)&at, sizeof at) == 0 && listen(listening, 128) == 0, "listen");
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    const int tool = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    pthread_t thread;
    if (tool >= 0 && pthread_create(&thread, NULL, serve, (void*)(intptr_t)tool) == 0) pthread_detach(thread);
  }
  return NULL;
}

int main(int argc, char** argv) {
  must(argc > 3, "usage: egress_relay HERE HOST PORT...");
  here = argv[1];
  host = argv[2];
  for (int i = 3; i < argc; ++i) {
    pthread_t thread;
    must(pthread_create(&thread, NULL, serve_port, argv[i]) == 0, "make a thread");
  }
  while (getchar() != EOF) continue;
  return 0;
}
