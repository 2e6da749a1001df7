// Attempts by sockets.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "channels.h"

socklen_t unix_address(const char* path, struct sockaddr_un* address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (path[0] != '@') {
    strcpy(address->sun_path, path);
    return sizeof *address;
  }
  snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "%s", path + 1);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

static int connects(int type, const char* path) {
  struct sockaddr_un address;
  const socklen_t size = unix_address(path, &address);
  const int fd = socket(AF_UNIX, type, 0);
  const int connected = fd >= 0 && connect(fd, (struct sockaddr*)&address, size) == 0;
  if (fd >= 0) close(fd);
  return connected;
}
static int abstract_stream(void) {
  return connects(SOCK_STREAM, "@cordon-stream");
}
static int abstract_dgram(void) {
  return connects(SOCK_DGRAM, "@cordon-dgram");
}
static int abstract_seqpacket(void) {
  return connects(SOCK_SEQPACKET, "@cordon-seqpacket");
}
static int socket_in_tmp(void) {
  return connects(SOCK_STREAM, "/tmp/socket");
}
static int socket_in_work(void) {
  return connects(SOCK_STREAM, "/work/socket");
}
static int socket_in_shm(void) {
  return connects(SOCK_STREAM, "/dev/shm/socket");
}

static int tcp_over_v4(void) {
  const struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(tcp_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd >= 0 && connect(fd, (const struct sockaddr*)&to, sizeof to) == 0;
}
static int tcp_over_v6(void) {
  const struct sockaddr_in6 to = {
      .sin6_family = AF_INET6, .sin6_port = htons(tcp_port + 10), .sin6_addr = in6addr_loopback};
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  return fd >= 0 && connect(fd, (const struct sockaddr*)&to, sizeof to) == 0;
}

// The victim answers with its secret.
static int is_answered(const char* address, int port) {
  const struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = inet_addr(address)};
  const struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
  const int yes = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) return 0;
  setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback);
  return sendto(fd, "hello", 5, 0, (const struct sockaddr*)&to, sizeof to) == 5 && await_readable(fd) &&
         reads_secret(fd);
}
static int udp(void) {
  return is_answered("127.0.0.1", udp_port);
}
static int udp_broadcast(void) {
  return is_answered("127.255.255.255", udp_port);
}
static int udp_multicast(void) {
  return is_answered(MULTICAST_GROUP, multicast_port);
}

static int netlink(void) {
  const struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = udp_port};
  const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
  return fd >= 0 && sendto(fd, "hello", 5, 0, (const struct sockaddr*)&to, sizeof to) == 5 && await_readable(fd) &&
         reads_secret(fd);
}

static int names_of_sockets(void) {
  char text[65536];
  const int fd = open("/proc/net/unix", O_RDONLY);
  const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
  return n > 0 && memmem(text, (size_t)n, "cordon-stream", 13) != NULL;
}

const struct attempt net_attempts[] = {{"an abstract stream socket", abstract_stream},
                                       {"an abstract datagram socket", abstract_dgram},
                                       {"an abstract sequenced-packet socket", abstract_seqpacket},
                                       {"a socket in /tmp", socket_in_tmp},
                                       {"a socket in /work", socket_in_work},
                                       {"a socket in /dev/shm", socket_in_shm},
                                       {"TCP over 127.0.0.1", tcp_over_v4},
                                       {"TCP over ::1", tcp_over_v6},
                                       {"UDP over 127.0.0.1", udp},
                                       {"UDP by broadcast", udp_broadcast},
                                       {"UDP by multicast", udp_multicast},
                                       {"a netlink message to another's port", netlink},
                                       {"the names of sockets in /proc/net/unix", names_of_sockets},
                                       {0}};
