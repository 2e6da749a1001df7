// Attempts by the means of communication between processes: System V, POSIX, keys, files, pipes.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channels.h"

static int attach(int id) {
  const char* at = id < 0 ? (char*)-1 : shmat(id, NULL, SHM_RDONLY);
  const int found = at != (char*)-1 && strncmp(at, SECRET, strlen(SECRET)) == 0;
  if (at != (char*)-1) shmdt(at);
  return found;
}
static int shm_by_key(void) {
  return attach(shmget(sysv_key, 0, 0));
}
static int shm_by_number(void) {
  struct shmid_ds about;
  for (int index = 0; index < 64; ++index)
    if (attach(shmctl(index, SHM_STAT_ANY, &about))) return 1;
  return 0;
}
static int sem_by_key(void) {
  return semget(sysv_key, 0, 0) >= 0;
}

static int receive(int queue) {
  struct {
    long type;
    char text[64];
  } message;
  return msgrcv(queue, &message, sizeof message.text, 0, IPC_NOWAIT) > 0 && strcmp(message.text, SECRET) == 0;
}
static int msg_by_key(void) {
  return receive(msgget(sysv_key, 0));
}
static int msg_by_number(void) {
  struct msqid_ds about;
  for (int index = 0; index < 64; ++index)
    if (receive(msgctl(index, MSG_STAT_ANY, &about))) return 1;
  return 0;
}

static int mqueue(void) {
  char text[64];
  const mqd_t queue = mq_open(MQUEUE_NAME, O_RDWR | O_NONBLOCK);
  return queue != (mqd_t)-1 && mq_receive(queue, text, sizeof text, NULL) > 0 && strcmp(text, SECRET) == 0;
}

// To have found it is to have reached it.
static int find_key(long ring, const char* name) {
  return syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", name, 0) > 0;
}
static int session_keyring(void) {
  return find_key(KEY_SPEC_SESSION_KEYRING, KEY_NAME "0");
}
static int user_keyring(void) {
  return find_key(KEY_SPEC_USER_KEYRING, KEY_NAME "1");
}
static int user_session_keyring(void) {
  return find_key(KEY_SPEC_USER_SESSION_KEYRING, KEY_NAME "2");
}
static int requested_key(void) {
  return syscall(SYS_request_key, "user", KEY_NAME "0", NULL, 0) > 0;
}
static int named_keyring(void) {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, KEYRING_NAME) < 0) return 0;
  return find_key(KEY_SPEC_SESSION_KEYRING, KEY_NAME);
}

static int shared_memory_object(void) {
  return reads_secret(open("/dev/shm/secret", O_RDONLY));
}
static int file_in_tmp(void) {
  return reads_secret(open("/tmp/secret", O_RDONLY));
}
static int file_in_work(void) {
  return reads_secret(open("/work/secret", O_RDONLY));
}
static int file_in_var_tmp(void) {
  return reads_secret(open("/var/tmp/secret", O_RDONLY));
}
static int file_in_run(void) {
  return reads_secret(open("/run/secret", O_RDONLY));
}
static int fifo_in_tmp(void) {
  return reads_secret(open("/tmp/fifo", O_RDONLY | O_NONBLOCK));
}

const struct attempt ipc_attempts[] = {{"shmget of another's key", shm_by_key},
                                       {"shmat by number", shm_by_number},
                                       {"semget of another's key", sem_by_key},
                                       {"msgget of another's key", msg_by_key},
                                       {"msgrcv by number", msg_by_number},
                                       {"mq_open of another's queue", mqueue},
                                       {"a key in the session keyring", session_keyring},
                                       {"a key in the user keyring", user_keyring},
                                       {"a key in the user session keyring", user_session_keyring},
                                       {"request_key", requested_key},
                                       {"a named session keyring", named_keyring},
                                       {"an object in /dev/shm", shared_memory_object},
                                       {"a file in /tmp", file_in_tmp},
                                       {"a file in /work", file_in_work},
                                       {"a file in /var/tmp", file_in_var_tmp},
                                       {"a file in /run", file_in_run},
                                       {"a FIFO in /tmp", fifo_in_tmp},
                                       {0}};
