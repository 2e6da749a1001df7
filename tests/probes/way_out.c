// Looks for a way out through procfs, descriptors, terminals, clocks and new namespaces. One line an attempt, "held: "
// or "GOT THROUGH: " and its name; 0 when all were held.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int got_through = 0;

static void say(int through, const char* what, const char* object) {
  if (through) got_through = 1;
  printf("%s: %s%s%s\n", through ? "GOT THROUGH" : "held", what, *object ? " " : "", object);
}

static int can_open(const char* path, int flags) {
  const int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static void write_to(const char* path) {
  say(can_open(path, O_WRONLY) || can_open(path, O_WRONLY | O_TRUNC) || can_open(path, O_RDWR), "write to", path);
}

static void read_from(const char* path) {
  char byte;
  const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  say(fd >= 0 && read(fd, &byte, 1) == 1, "read from", path);
  if (fd >= 0) close(fd);
}

static void look_through(const char* link) {
  char target[4096];
  say(readlink(link, target, sizeof target) >= 0, "look through", link);
}

// Of the runtime: pid 1 runs from a memfd of root's, and can be neither read nor written nor signalled.
static void touch_the_runtime(void) {
  look_through("/proc/1/exe"), look_through("/proc/1/cwd"), look_through("/proc/1/root"), look_through("/proc/1/fd/3");
  for (const char** path = (const char*[]){"/proc/1/exe", "/proc/1/mem", "/proc/1/fd/0", "/proc/1/fd/3", NULL}; *path;
       ++path)
    write_to(*path);
  read_from("/proc/1/mem"), read_from("/proc/1/environ"), read_from("/proc/1/maps"), read_from("/proc/1/auxv");
  for (const int* number = (const int[]){SIGKILL, SIGSTOP, SIGTERM, SIGSEGV, 0}; *number; ++number) {
    char name[8];
    snprintf(name, sizeof name, "%d", *number);
    say(kill(1, *number) == 0, "signal pid 1 with", name);
  }
  const struct rlimit none = {0, 0};
  say(syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &none, NULL) == 0, "limit pid 1", "");
}

static void use_descriptors(void) {
  char path[64], target[4096];
  DIR* fds = opendir("/proc/self/fd");
  for (const struct dirent* entry = readdir(fds); entry != NULL; entry = readdir(fds)) {
    const int fd = atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd <= 2 || fd == dirfd(fds)) continue;
    say(1, "a descriptor more:", entry->d_name);
  }
  closedir(fds);
  say(0, "a descriptor more", "");
  for (int fd = 0; fd <= 2; ++fd) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(path, target, sizeof target - 1);
    target[size < 0 ? 0 : size] = 0;
    say(target[0] == '/' && strncmp(target, "/memfd:", 7) != 0, "a name of the host behind", path);
    say(fchdir(fd) == 0, "go to", path);
  }
  say(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0) >= 0, "open by handle", "");
  int climbed = open(".", O_PATH | O_DIRECTORY);
  for (int i = 0; i < 100 && climbed >= 0; ++i) {
    const int parent = openat(climbed, "..", O_PATH | O_DIRECTORY);
    close(climbed);
    climbed = parent;
  }
  struct stat top, root;
  say(fstat(climbed, &top) < 0 || stat("/", &root) < 0 || top.st_dev != root.st_dev || top.st_ino != root.st_ino,
      "climb over the root", "");
}

static void redirect_procfs(void) {
  for (const char** path =
           (const char*[]){"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger",
                           "/proc/self/attr/exec", "/proc/self/attr/apparmor/exec", "/proc/self/uid_map",
                           "/proc/self/gid_map", "/proc/self/setgroups", "/proc/self/oom_score_adj",
                           "/proc/self/coredump_filter", "/proc/self/comm", "/proc/self/timerslack_ns",
                           "/proc/self/loginuid", "/proc/kcore", NULL};
       *path; ++path)
    write_to(*path);
  for (const char** path =
           (const char*[]){"/proc/kcore", "/proc/kallsyms", "/proc/keys", "/proc/kmsg", "/proc/timer_list",
                           "/proc/sched_debug", "/proc/interrupts", "/proc/sys/kernel/hostname", "/proc/cmdline",
                           "/sys/kernel/notes", "/sys/fs/cgroup/cgroup.procs", "/sys/firmware/acpi/tables/DSDT", NULL};
       *path; ++path)
    read_from(*path);
}

static void make_namespaces(void) {
  static const struct {
    const char* name;
    unsigned long flag;
  } kinds[] = {{"user", CLONE_NEWUSER}, {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID},       {"network", CLONE_NEWNET},
               {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS},  {"cgroup", CLONE_NEWCGROUP}, {"time", 0x80}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    say(syscall(SYS_unshare, kinds[i].flag) == 0, "unshare a namespace:", kinds[i].name);
    say(syscall(SYS_unshare, kinds[i].flag | 1UL << 32) == 0, "unshare with bit 32 a namespace:", kinds[i].name);
    const long child = syscall(SYS_clone, kinds[i].flag | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    if (child > 0) waitpid((pid_t)child, NULL, 0);
    say(child > 0 && kinds[i].flag != 0x80, "clone into a namespace:", kinds[i].name);  // 0x80 is a signal bit to clone
  }
  say(syscall(SYS_clone3, NULL, 0) >= 0 || errno != ENOSYS, "clone3", "");
  say(syscall(SYS_setns, 0, 0) == 0, "setns", "");
}

static void change_mounts(void) {
  say(mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL) == 0, "remount /usr writable", "");
  say(mount(NULL, "/", NULL, MS_REMOUNT, NULL) == 0, "remount / writable", "");
  say(mount("none", "/tmp", "proc", 0, NULL) == 0, "mount another procfs", "");
  say(umount2("/proc", MNT_DETACH) == 0, "unmount /proc", "");
  say(syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, NULL, 0) == 0, "mount_setattr", "");
  say(syscall(SYS_pivot_root, "/tmp", "/tmp") == 0, "pivot_root", "");
  say(chroot("/tmp") == 0, "chroot", "");
}

static void use_terminals(void) {
  char letter = '\n';
  for (int fd = 0; fd <= 2; ++fd) {
    char name[8];
    snprintf(name, sizeof name, "%d", fd);
    say(syscall(SYS_ioctl, fd, TIOCSTI, &letter) == 0 || errno == ENOTTY, "TIOCSTI on", name);
    say(syscall(SYS_ioctl, fd, 1UL << 32 | TIOCSTI, &letter) == 0 || errno == ENOTTY, "TIOCSTI with bit 32 on", name);
    say(syscall(SYS_ioctl, fd, TIOCLINUX, &letter) == 0 || errno == ENOTTY, "TIOCLINUX on", name);
    say(isatty(fd), "a terminal at", name);
  }
  for (const char** path = (const char*[]){"/dev/tty", "/dev/console", "/dev/ptmx", "/dev/pts/0", "/dev/tty0",
                                           "/dev/vcs", "/dev/kmsg", "/dev/mem", "/dev/fuse", "/dev/kvm", "/dev/net/tun",
                                           "/dev/loop-control", "/dev/vda", "/dev/sda", NULL};
       *path; ++path)
    say(can_open(*path, O_RDWR) || can_open(*path, O_RDONLY), "open", *path);
}

static void turn_clocks(void) {
  const struct timespec then = {1000000000, 0};
  const struct timeval old = {1000000000, 0};
  struct timex change;
  memset(&change, 0, sizeof change);
  change.modes = ADJ_SETOFFSET;
  say(clock_settime(CLOCK_REALTIME, &then) == 0, "clock_settime", "");
  say(settimeofday(&old, NULL) == 0, "settimeofday", "");
  say(syscall(SYS_adjtimex, &change) >= 0, "adjtimex", "");
  say(setpriority(PRIO_PROCESS, 0, -5) == 0, "a higher priority", "");
  const struct sched_param first = {10};
  say(sched_setscheduler(0, SCHED_FIFO, &first) == 0, "real-time scheduling", "");
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  touch_the_runtime();
  use_descriptors();
  redirect_procfs();
  make_namespaces();
  change_mounts();
  use_terminals();
  turn_clocks();
  return got_through;
}
