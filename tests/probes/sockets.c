// Tries every way out of a network namespace that a socket offers. Prints each success; 0 when there was none. Every
// family is tried a second time with bit 32 set, which a careless filter compares and the kernel ignores.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int got_through = 0;

static int allowed_family(long family) {
  return family == AF_UNIX || family == AF_INET || family == AF_INET6;
}

static void try_family(long family, int type) {
  for (int high = 0; high < 2; ++high) {
    const long fd = syscall(SYS_socket, family | (high ? 1L << 32 : 0), (long)type, 0L);
    if (fd < 0) continue;
    close((int)fd);
    if (allowed_family(family) && type != SOCK_RAW) continue;
    printf("socket family %ld type %d%s\n", family, type, high ? " with bit 32" : "");
    got_through = 1;
  }
}

static void try_connect4(const char* address, int type) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
  inet_pton(AF_INET, address, &to.sin_addr);
  const int fd = socket(AF_INET, type, 0);
  if (fd < 0) return;
  if (connect(fd, (struct sockaddr*)&to, sizeof to) == 0) {
    printf("connected to %s type %d\n", address, type);
    got_through = 1;
  }
  close(fd);
}

static void try_connect6(const char* address, int type) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(53), .sin6_scope_id = 1};
  inet_pton(AF_INET6, address, &to.sin6_addr);
  const int fd = socket(AF_INET6, type, 0);
  if (fd < 0) return;
  if (connect(fd, (struct sockaddr*)&to, sizeof to) == 0) {
    printf("connected to %s type %d\n", address, type);
    got_through = 1;
  }
  close(fd);
}

int main(void) {
  const char* v4[] = {"1.1.1.1",     "8.8.8.8",         "169.254.169.254", "10.0.0.1",
                      "192.168.0.1", "255.255.255.255", "224.0.0.1"};
  const char* v6[] = {"2606:4700:4700::1111", "fe80::1", "fd00::1", "ff02::1"};
  const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
  for (long family = 1; family < 46; ++family)
    for (unsigned i = 0; i < 4; ++i) try_family(family, types[i]);
  for (unsigned i = 0; i < 7; ++i) try_connect4(v4[i], SOCK_STREAM), try_connect4(v4[i], SOCK_DGRAM);
  for (unsigned i = 0; i < 4; ++i) try_connect6(v6[i], SOCK_STREAM), try_connect6(v6[i], SOCK_DGRAM);
  return got_through;
}
