// Attempts on processes: signals, tracing, what /proc tells of them and of the machine.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channels.h"

static int for_any(int (*reaches)(pid_t)) {
  for (int i = 0; i < victim_count; ++i)
    if (reaches(victims[i])) return 1;
  return 0;
}
#define ON_ANY(name, expression)     \
  static int name##_one(pid_t pid) { \
    return (expression);             \
  }                                  \
  static int name(void) {            \
    return for_any(name##_one);      \
  }

static int queue_signal(pid_t pid) {
  const union sigval none = {0};
  return sigqueue(pid, SIGUSR1, none) == 0;
}
static int signal_by_pidfd(pid_t pid) {
  const int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  return fd >= 0 && syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0) == 0;
}
// SIGIO goes to whom F_SETOWN names, if the one who named it could have sent it.
static int signal_by_owner(pid_t pid) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || fcntl(ends[0], F_SETOWN, pid) < 0) return 0;
  fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
  return write(ends[1], "x", 1) == 1;
}
static int trace(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0) return 0;
  ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
  waitpid(pid, NULL, __WALL);
  ptrace(PTRACE_DETACH, pid, NULL, NULL);
  return 1;
}
static int read_memory(pid_t pid) {
  char byte;
  const struct iovec here = {&byte, 1};
  // A static program: what is at an address here is at the same address there, or nothing of ours is.
  const struct iovec there = {(void*)&image_file, 1};
  return process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 || errno == EFAULT;
}
static int write_memory(pid_t pid) {
  static char spare;
  const struct iovec here = {&spare, 1};
  const struct iovec there = {&spare, 1};
  return process_vm_writev(pid, &here, 1, &there, 1, 0) == 1 || errno == EFAULT;
}
static int take_descriptor(pid_t pid) {
  const int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  return fd >= 0 && syscall(SYS_pidfd_getfd, fd, 1, 0) >= 0;
}
static int compare(pid_t pid) {
  return syscall(SYS_kcmp, getpid(), pid, 1 /* KCMP_VM */, 0, 0) >= 0;
}
static int set_affinity(pid_t pid) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  return sched_setaffinity(pid, sizeof set, &set) == 0;
}

static int in_proc(pid_t pid, const char* entry, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, entry);
  const int fd = open(path, flags | O_NONBLOCK);
  if (fd >= 0) close(fd);
  return fd >= 0;
}
// Its secret, through one of its descriptors.
static int file_behind_descriptor(pid_t pid) {
  char path[64];
  for (int fd = 3; fd < 64; ++fd) {
    struct stat what;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
    if (stat(path, &what) == 0 && S_ISREG(what.st_mode) && reads_secret(open(path, O_RDONLY | O_NONBLOCK))) return 1;
  }
  return 0;
}

ON_ANY(by_kill, kill(pid, SIGUSR1) == 0)
ON_ANY(by_kill_of_group, kill(-getpgid(pid), SIGUSR1) == 0 && getpgid(pid) > 0)
ON_ANY(by_tgkill, syscall(SYS_tgkill, pid, pid, SIGUSR1) == 0)
ON_ANY(by_sigqueue, queue_signal(pid))
ON_ANY(by_pidfd, signal_by_pidfd(pid))
ON_ANY(by_owner, signal_by_owner(pid))
ON_ANY(by_ptrace, trace(pid))
ON_ANY(by_vm_readv, read_memory(pid))
ON_ANY(by_vm_writev, write_memory(pid))
ON_ANY(by_pidfd_getfd, take_descriptor(pid))
ON_ANY(by_kcmp, compare(pid))
ON_ANY(by_priority, setpriority(PRIO_PROCESS, (id_t)pid, 19) == 0)
ON_ANY(by_affinity, set_affinity(pid))
ON_ANY(by_prlimit, prlimit(pid, RLIMIT_CPU, NULL, &(struct rlimit){0}) == 0)
ON_ANY(proc_cmdline, in_proc(pid, "cmdline", O_RDONLY))
ON_ANY(proc_environ, in_proc(pid, "environ", O_RDONLY))
ON_ANY(proc_mem, in_proc(pid, "mem", O_RDWR))
ON_ANY(proc_maps, in_proc(pid, "maps", O_RDONLY))
ON_ANY(proc_status, in_proc(pid, "status", O_RDONLY))
ON_ANY(proc_root, in_proc(pid, "root/tmp", O_RDONLY))
ON_ANY(proc_cwd, in_proc(pid, "cwd/.", O_RDONLY))
ON_ANY(proc_namespace, in_proc(pid, "ns/ipc", O_RDONLY))
ON_ANY(proc_descriptors, file_behind_descriptor(pid))
ON_ANY(proc_oom, in_proc(pid, "oom_score_adj", O_WRONLY))

static int list_of_processes(void) {
  DIR* proc = opendir("/proc");
  const struct dirent* entry;
  int others = 0;
  while (proc != NULL && (entry = readdir(proc)) != NULL) {
    const int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
    others += pid > 1 && pid != getpid();
  }
  return others > 0;
}

static int is_readable(const char* path) {
  char byte;
  const int fd = open(path, O_RDONLY | O_NONBLOCK);
  const int had = fd >= 0 && read(fd, &byte, 1) == 1;
  if (fd >= 0) close(fd);
  return had;
}
static int load(void) {
  return is_readable("/proc/loadavg");
}
static int locks(void) {
  return is_readable("/proc/locks");
}
static int statistics(void) {
  return is_readable("/proc/stat");
}
static int ipc_table(void) {
  return is_readable("/proc/sysvipc/shm");
}
static int memory(void) {
  return is_readable("/proc/meminfo");
}
static int kernel_log(void) {
  return is_readable("/dev/kmsg") || syscall(SYS_syslog, 3, (char[64]){0}, 64) > 0;
}

const struct attempt process_attempts[] = {{"kill", by_kill},
                                           {"kill of the process group", by_kill_of_group},
                                           {"tgkill", by_tgkill},
                                           {"sigqueue", by_sigqueue},
                                           {"pidfd_send_signal", by_pidfd},
                                           {"a signal by F_SETOWN", by_owner},
                                           {"ptrace", by_ptrace},
                                           {"process_vm_readv", by_vm_readv},
                                           {"process_vm_writev", by_vm_writev},
                                           {"pidfd_getfd", by_pidfd_getfd},
                                           {"kcmp", by_kcmp},
                                           {"setpriority", by_priority},
                                           {"sched_setaffinity", by_affinity},
                                           {"prlimit", by_prlimit},
                                           {"/proc/PID/cmdline", proc_cmdline},
                                           {"/proc/PID/environ", proc_environ},
                                           {"/proc/PID/mem", proc_mem},
                                           {"/proc/PID/maps", proc_maps},
                                           {"/proc/PID/status", proc_status},
                                           {"/proc/PID/root", proc_root},
                                           {"/proc/PID/cwd", proc_cwd},
                                           {"/proc/PID/ns", proc_namespace},
                                           {"/proc/PID/fd", proc_descriptors},
                                           {"/proc/PID/oom_score_adj", proc_oom},
                                           {"the list of processes in /proc", list_of_processes},
                                           {"/proc/loadavg", load},
                                           {"/proc/locks", locks},
                                           {"/proc/stat", statistics},
                                           {"/proc/sysvipc", ipc_table},
                                           {"/proc/meminfo", memory},
                                           {"the kernel's log", kernel_log},
                                           {0}};
