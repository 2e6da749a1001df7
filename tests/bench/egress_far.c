// The far side of the measurements of egress: as quick as it can be, and it knows when each connection ended.
// usage: egress_far ECHO_PORT SOURCE_PORT SINK_PORT RESOLVER ADDRESS
//   echo: each byte comes back. source: 8 bytes say how many are wanted (little endian); so many come. sink: reads all
//   until the end, then says one byte. RESOLVER, UDP port 53: every name has that ADDRESS, and no other.
// Commands on standard input, a line each: "live": how many the echo has open. "cuts": for each of the echo's that has
// ended since the last such line, when (CLOCK_MONOTONIC, nanoseconds) and 1 if it was reset; then an empty line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { most_ends = 1 << 20, block = 1 << 18 };
static struct end {
  long long when;
  int reset;
} ends[most_ends];
static int ended, live;
static char bytes[block];
static struct in_addr resolved;

static void must(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int listener(const char* port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  must(bind(fd, (struct sockaddr*)&at, sizeof at) == 0 && listen(fd, 4096) == 0, "listen");
  return fd;
}

static void* give(void* argument) {
  int fd = (int)(intptr_t)argument;
  uint64_t wanted = 0;
  if (recv(fd, &wanted, sizeof wanted, MSG_WAITALL) == sizeof wanted) {
    while (wanted > 0) {
      ssize_t sent = send(fd, bytes, wanted < block ? wanted : block, MSG_NOSIGNAL);
      if (sent <= 0) break;
      wanted -= (uint64_t)sent;
    }
  }
  close(fd);
  return NULL;
}

static void* take(void* argument) {
  int fd = (int)(intptr_t)argument;
  static __thread char into[block];
  while (recv(fd, into, block, 0) > 0) continue;
  send(fd, "k", 1, MSG_NOSIGNAL);
  close(fd);
  return NULL;
}

// A question (RFC 1035) becomes its answer, in place. Its size; 0 for what is none.
static size_t answer(unsigned char* message, size_t size, struct in_addr address) {
  enum { header = 12, behind_name = 4, record = 16 };
  size_t end = header;
  while (end < size && message[end] != 0) end += 1 + (size_t)message[end];
  end += 1 + behind_name;
  if (size < header || end > size) return 0;
  const int is_a = message[end - 3] == 1;
  const unsigned char says[record] = {0xc0, header, 0, 1, 0, 1,
                                      0,    0,      0, 1, 0, 4};                // the name above, A, IN, 1 s, 4 bytes
  const unsigned char counts[10] = {0x81, 0x80, 0, 1, 0, (unsigned char)is_a};  // a response, recursion; one question
  memcpy(message + 2, counts, sizeof counts);
  if (!is_a) return end;
  memcpy(message + end, says, record);
  memcpy(message + end + record - sizeof address, &address, sizeof address);
  return end + record;
}

static void* resolve(void* argument) {
  const int fd = (int)(intptr_t)argument;
  for (;;) {
    unsigned char message[1024];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    const ssize_t size = recvfrom(fd, message, 512, 0, (struct sockaddr*)&from, &length);
    const size_t said = size > 0 ? answer(message, (size_t)size, resolved) : 0;
    if (said > 0) sendto(fd, message, said, 0, (struct sockaddr*)&from, length);
  }
  return NULL;
}

struct service {
  int fd;
  void* (*serve)(void*);
};

static void* serve_each(void* argument) {
  struct service* service = argument;
  for (;;) {
    int fd = accept4(service->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue;
    pthread_t thread;
    if (pthread_create(&thread, NULL, service->serve, (void*)(intptr_t)fd) == 0)
      pthread_detach(thread);
    else
      close(fd);
  }
  return NULL;
}

static void echo_accept(int epoll, int listening) {
  int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  ++live;
}

static void echo_back(int fd) {
  char part[4096];
  ssize_t size = recv(fd, part, sizeof part, 0);
  if (size > 0) {
    send(fd, part, (size_t)size, MSG_NOSIGNAL);
    return;
  }
  if (size < 0 && errno == EAGAIN) return;
  if (ended < most_ends) ends[ended++] = (struct end){now(), size < 0};
  --live;
  close(fd);
}

// False when there is nobody any more who commands.
static int obey(void) {
  char line[64];
  if (fgets(line, sizeof line, stdin) == NULL) return 0;
  if (strcmp(line, "live\n") == 0) {
    printf("%d\n", live);
  } else {
    for (int i = 0; i < ended; ++i) printf("%lld %d\n", ends[i].when, ends[i].reset);
    printf("\n");
    ended = 0;
  }
  fflush(stdout);
  return 1;
}

int main(int argc, char** argv) {
  must(argc == 6, "usage: egress_far ECHO_PORT SOURCE_PORT SINK_PORT RESOLVER ADDRESS");
  const int resolver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
  must(inet_pton(AF_INET, argv[4], &at.sin_addr) == 1 && inet_pton(AF_INET, argv[5], &resolved) == 1, "an address");
  must(bind(resolver, (const struct sockaddr*)&at, sizeof at) == 0, "bind the resolver");
  pthread_t resolving;
  must(pthread_create(&resolving, NULL, resolve, (void*)(intptr_t)resolver) == 0, "pthread_create");
  static struct service services[2];
  services[0] = (struct service){listener(argv[2]), give};
  services[1] = (struct service){listener(argv[3]), take};
  for (int i = 0; i < 2; ++i) {
    pthread_t thread;
    must(pthread_create(&thread, NULL, serve_each, &services[i]) == 0, "pthread_create");
  }
  const int listening = listener(argv[1]), epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < 2; ++i) {
    const int fd = i == 0 ? listening : 0;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }
  printf("ready\n");
  fflush(stdout);
  struct epoll_event events[256];
  for (;;) {
    const int n = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listening)
        echo_accept(epoll, listening);
      else if (fd != 0)
        echo_back(fd);
      else if (!obey())
        return 0;
    }
  }
}
