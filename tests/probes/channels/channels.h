// One process offers itself to others in every way it can (victim.c); another tries to reach it (ipc.c, net.c,
// process.c, image.c). Each way is an attempt with a name.
#ifndef CHANNELS_H
#define CHANNELS_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum {
  sysv_key = 0x0c02d0,
  tcp_port = 47001,
  udp_port = 47002,
  multicast_port = 47003,
  max_victims = 8,
  patience_ms = 300,  // for what comes over time: the victim does its round every 20 ms
  lock_at = 4096,     // where it locks the image file; flock(2) locks all of it
};
#define SECRET "the victim's secret"
#define KEY_NAME "cordon:secret"
#define KEYRING_NAME "cordon-keyring"
#define MQUEUE_NAME "/cordon-queue"
#define MULTICAST_GROUP "239.12.8.4"

extern const char* image_file;       // a file of the image that both see
extern const char* image_directory;  // where it is
extern pid_t victims[max_victims];   // their numbers as the attacker may know them
extern int victim_count;

struct attempt {
  const char* name;
  int (*reaches)(void);  // 1: got through
};
extern const struct attempt ipc_attempts[], net_attempts[], process_attempts[], image_attempts[];  // ended by {0}

void be_victim(int ready);  // does not return; closes `ready` when everything is set up
int reads_secret(int fd);   // whether the secret comes out of it
int await_readable(int fd);
socklen_t unix_address(const char* path, struct sockaddr_un* address);  // "@name" is an abstract one; returns its size

#endif
