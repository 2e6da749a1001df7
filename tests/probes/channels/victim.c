// The victim: every channel open, and a word on standard output when something came through that it did not want.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "channels.h"

static const char* const secret_files[] = {"/tmp/secret", "/work/secret", "/dev/shm/secret", "/var/tmp/secret",
                                           "/run/secret"};
static const char* const socket_paths[] = {"/tmp/socket", "/work/socket", "/dev/shm/socket"};

static int echoing[4];  // descriptors on which whatever comes is answered with the secret
static int echoing_count;

static void say(const char* what) {
  if (write(STDOUT_FILENO, what, strlen(what)) < 0) _exit(2);
}
static void on_signal(int number) {
  (void)number;
  say("harmed: a signal came\n");
}

static void offer_sysv(void) {
  const int shm = shmget(sysv_key, 4096, IPC_CREAT | 0666);
  char* at = shm < 0 ? (char*)-1 : shmat(shm, NULL, 0);
  if (at != (char*)-1) strcpy(at, SECRET);
  semget(sysv_key, 1, IPC_CREAT | 0666);
  const int queue = msgget(sysv_key, IPC_CREAT | 0666);
  struct {
    long type;
    char text[sizeof SECRET];
  } message = {1, SECRET};
  for (int i = 0; i < 4; ++i) msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT);
}

static void offer_mqueue(void) {
  struct mq_attr small = {.mq_maxmsg = 4, .mq_msgsize = 64};
  const mqd_t queue = mq_open(MQUEUE_NAME, O_CREAT | O_RDWR | O_NONBLOCK, 0666, &small);
  if (queue != (mqd_t)-1) mq_send(queue, SECRET, sizeof SECRET, 0);
}

static void offer_keys(void) {
  const long rings[] = {KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING, KEY_SPEC_USER_SESSION_KEYRING};
  for (int i = 0; i < 3; ++i) {
    char name[64];
    snprintf(name, sizeof name, "%s%d", KEY_NAME, i);
    const long key = syscall(SYS_add_key, "user", name, SECRET, sizeof SECRET, rings[i]);
    if (key > 0) syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f3f3f3f);
  }
}

static void await_end_of(int pipe_end) {
  char none;
  while (read(pipe_end, &none, 1) > 0) continue;
  close(pipe_end);
}

// In a process of its own: joining another session loses the keys of this one, and closing a file loses record locks.
static void offer_from_a_child(int ready) {
  int offered[2];
  if (pipe(offered) < 0) _exit(2);
  if (fork() != 0) {
    close(offered[1]);
    await_end_of(offered[0]);
    return;
  }
  if (ready >= 0) close(ready);
  const struct flock record = {.l_type = F_RDLCK, .l_start = lock_at, .l_len = 7};
  fcntl(open(image_file, O_RDONLY), F_SETLK, &record);
  const long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, KEYRING_NAME);
  if (ring > 0) syscall(SYS_keyctl, KEYCTL_SETPERM, ring, 0x3f3f3f3f);
  syscall(SYS_add_key, "user", KEY_NAME, SECRET, sizeof SECRET, KEY_SPEC_SESSION_KEYRING);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close(offered[1]);
  for (;;) pause();
}

static void offer_unix(int type, const char* path) {
  struct sockaddr_un address;
  const socklen_t size = unix_address(path, &address);
  const int fd = socket(AF_UNIX, type, 0);
  if (bind(fd, (struct sockaddr*)&address, size) == 0) listen(fd, 64);
}

static void offer_inet(int family, int type, int port) {
  const int fd = socket(family, type, 0);
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
  const int done =
      family == AF_INET ? bind(fd, (struct sockaddr*)&v4, sizeof v4) : bind(fd, (struct sockaddr*)&v6, sizeof v6);
  if (done == 0) listen(fd, 64);
  if (done == 0 && type == SOCK_DGRAM) echoing[echoing_count++] = fd;
  if (port == multicast_port) {
    struct ip_mreq group = {.imr_multiaddr.s_addr = inet_addr(MULTICAST_GROUP),
                            .imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group);
  }
}

static void offer_netlink(void) {
  struct sockaddr_nl here = {.nl_family = AF_NETLINK, .nl_pid = udp_port};
  const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
  if (fd >= 0 && bind(fd, (struct sockaddr*)&here, sizeof here) == 0) echoing[echoing_count++] = fd;
}

static void offer_files(void) {
  umask(0);
  for (unsigned i = 0; i < sizeof secret_files / sizeof secret_files[0]; ++i) {
    const int fd = open(secret_files[i], O_CREAT | O_RDWR, 0666);  // and stays open, to be found in /proc
    if (fd >= 0 && write(fd, SECRET, sizeof SECRET) < 0) _exit(2);
    if (fd >= 0) lseek(fd, 0, SEEK_SET);
  }
  mkfifo("/tmp/fifo", 0666);
  const int fifo = open("/tmp/fifo", O_RDWR);
  if (fifo >= 0 && write(fifo, SECRET, sizeof SECRET) < 0) _exit(2);
}

static void lock_image(void) {
  struct flock open_record = {.l_type = F_RDLCK, .l_start = 2L * lock_at, .l_len = 9};
  flock(open(image_file, O_RDONLY), LOCK_EX);
  fcntl(open(image_file, O_RDONLY), F_OFD_SETLK, &open_record);
}

static void answer_datagrams(void) {
  struct sockaddr_storage from;
  for (int i = 0; i < echoing_count; ++i) {
    char text[64];
    socklen_t size = sizeof from;
    if (recvfrom(echoing[i], text, sizeof text, MSG_DONTWAIT, (struct sockaddr*)&from, &size) > 0)
      sendto(echoing[i], SECRET, sizeof SECRET, 0, (struct sockaddr*)&from, size);
  }
}

// What watchers of the image would see, and whether what was read before is still there.
static void go_round(const char* mapped, char before) {
  char now;
  const int fd = open(image_file, O_RDONLY);
  if (fd < 0 || read(fd, &now, 1) != 1 || now != before || *mapped != before) say("harmed: the image changed\n");
  close(fd);
  usleep(20000);
}

void be_victim(int ready) {
  for (int number = 1; number < 65; ++number) signal(number, on_signal);
  signal(SIGCHLD, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  setpgid(0, 0);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  offer_sysv();
  offer_mqueue();
  offer_keys();
  offer_from_a_child(ready);
  const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  const char* const abstract[] = {"@cordon-stream", "@cordon-dgram", "@cordon-seqpacket"};
  for (int i = 0; i < 3; ++i) offer_unix(types[i], abstract[i]);
  for (int i = 0; i < 3; ++i) offer_unix(SOCK_STREAM, socket_paths[i]);
  offer_inet(AF_INET, SOCK_STREAM, tcp_port);
  offer_inet(AF_INET6, SOCK_STREAM, tcp_port + 10);
  offer_inet(AF_INET, SOCK_DGRAM, udp_port);
  offer_inet(AF_INET, SOCK_DGRAM, multicast_port);
  offer_netlink();
  offer_files();
  lock_image();
  const char* mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(image_file, O_RDONLY), 0);
  if (mapped == MAP_FAILED) _exit(2);
  const char before = *mapped;
  if (ready >= 0) close(ready);
  if (ready < 0) say("set up\n");
  for (;;) {
    answer_datagrams();
    go_round(mapped, before);
  }
}
