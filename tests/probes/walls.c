// walls NAME [ARGUMENT]: tries to get over one wall, in the simplest way that the kernel would let it. Says "held: …"
// or "GOT THROUGH: …"; 0, 1, or 2 where it could not try.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int say(int through, const char* what) {
  const int error = errno;
  printf("%s: %s", through ? "GOT THROUGH" : "held", what);
  printf(through ? "\n" : " (%s)\n", strerror(error));
  return through;
}

static int read_a_byte(const char* path) {
  char byte;
  const int fd = open(path, O_RDONLY | O_NONBLOCK);
  return say(fd >= 0 && read(fd, &byte, 1) == 1, path);
}

static int write_a_word(const char* path) {
  const int fd = open(path, O_WRONLY);
  return say(fd >= 0 && write(fd, "bite", 4) == 4, path);
}

static int find_process(const char* pid) {
  return say(kill(atoi(pid), 0) == 0 || errno == EPERM, "a process of the host");
}

static int signal_process(const char* pid) {
  return say(kill(atoi(pid), 0) == 0, "pid 1, with a signal");
}

static int connect_to(const char* name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  const socklen_t size = (socklen_t)(sizeof address.sun_family + 1 + strlen(name));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return say(connect(fd, (const struct sockaddr*)&address, size) == 0, "an abstract socket of the host");
}

static int attach_memory(const char* id) {
  return say(shmat(atoi(id), NULL, SHM_RDONLY) != (void*)-1, "System V shared memory of the host");
}

static int know_host(const char* name) {
  char mine[256] = "";
  gethostname(mine, sizeof mine - 1);
  return say(strcmp(mine, name) == 0, "the host's name");
}

static int know_cgroup(const char* none) {
  (void)none;
  char line[512];
  int through = 0;
  FILE* file = fopen("/proc/self/cgroup", "r");
  if (file == NULL) return 2;
  while (fgets(line, sizeof line, file) != NULL) through |= strcmp(strrchr(line, ':'), ":/\n") != 0;
  return say(through, "the names of its cgroups");
}

static int search_keyring(const char* name) {
  return say(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", name, 0) > 0, "a key of the host");
}

static int make_namespace(const char* none) {
  (void)none;
  return say(unshare(CLONE_NEWUSER) == 0, "a user namespace");
}

static int gain_user(const char* none) {
  (void)none;
  return say(getuid() != geteuid(), "another's user id");
}

static int hold_descriptors(const char* none) {
  (void)none;
  int through = 0;
  for (int fd = 3; fd < 64; ++fd) through |= fcntl(fd, F_GETFD) >= 0;
  return say(through, "an open descriptor");
}

static int use_descriptor(const char* number) {
  return say(dup2(0, atoi(number)) >= 0, "a high descriptor");
}

static int know_variable(const char* name) {
  return say(getenv(name) != NULL, name);
}

static int know_core_limit(const char* none) {
  (void)none;
  struct rlimit limit;
  return say(getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur != 1 || limit.rlim_max != 1, "a core file");
}

static int know_oom_score(const char* none) {
  (void)none;
  char text[16] = "";
  const int fd = open("/proc/self/oom_score_adj", O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) return 2;
  return say(atoi(text) < 1000, "to be spared when memory is short");
}

static int make_a_file(const char* size) {
  static char block[4096];
  signal(SIGXFSZ, SIG_IGN);
  const int fd = open("/work/large", O_WRONLY | O_CREAT, 0600);
  for (long left = atol(size); left > 0; left -= (long)sizeof block)
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) return say(0, "a large file");
  return say(1, "a large file");
}

static int make_files(const char* count) {
  for (int i = atoi(count); i > 0; --i) {
    char path[64];
    snprintf(path, sizeof path, "/work/f%d", i);
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0) return say(0, "many files");
    close(fd);
  }
  return say(1, "many files");
}

static int touch_memory(const char* size) {
  const size_t bytes = (size_t)atol(size);
  char* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 2;
  memset(memory, 1, bytes);
  return say(1, "much memory");
}

static int start_processes(const char* count) {
  for (int i = atoi(count); i > 0; --i) {
    const pid_t child = fork();
    if (child < 0) return say(0, "many processes");
    if (child == 0)
      for (;;) pause();
  }
  return say(1, "many processes");
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
// A hundred milliseconds of a processor, at a twentieth of one: two seconds.
static int use_processor(const char* none) {
  (void)none;
  const double begin = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
  while (seconds(CLOCK_PROCESS_CPUTIME_ID) - used < 0.1) continue;
  return say(seconds(CLOCK_MONOTONIC) - begin < 1.2, "a whole processor");
}
static int spin(const char* how_long) {
  while (seconds(CLOCK_PROCESS_CPUTIME_ID) < atof(how_long)) continue;
  return say(1, "processor time");
}
static int sleep_for(const char* how_long) {
  usleep((useconds_t)(atof(how_long) * 1e6));
  return say(1, "time");
}

// Pipes as large as they are made by default are had until a user has 1,024 of them (pipe(7), pipe-user-pages-soft).
static int pipe_pages(void) {
  int ends[2];
  return pipe(ends) < 0 ? -1 : fcntl(ends[0], F_GETPIPE_SZ) / 4096;
}
static int fill_pipes(const char* none) {
  (void)none;
  for (int i = 0; i < 1020; ++i)
    if (pipe_pages() < 0) return 2;
  puts("set up");
  fflush(stdout);
  for (;;) pause();
}
static int count_pipe_pages(const char* none) {
  (void)none;
  for (int i = 0; i < 64; ++i)
    if (pipe_pages() < 16) return say(1, "to see how many pipes another has");
  return say(0, "to see how many pipes another has");
}

// A lock on a file is seen by all who have the file.
static int take_lock(const char* path) {
  const int fd = open(path, O_RDONLY);
  return fd < 0 ? -1 : flock(fd, LOCK_EX | LOCK_NB);
}
static int hold_lock(const char* path) {
  if (take_lock(path) < 0) return 2;
  puts("set up");
  fflush(stdout);
  for (;;) pause();
}
static int see_lock(const char* path) {
  return say(take_lock(path) < 0 && errno == EWOULDBLOCK, "to see another's lock");
}

// Calls that an ordinary user may make of the kernel, and a job may not.
static int make_call(const char* name) {
  long result = -1;
  if (strcmp(name, "ptrace") == 0) result = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  if (strcmp(name, "keyctl") == 0) result = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1);
  if (strcmp(name, "netlink") == 0) result = socket(AF_NETLINK, SOCK_RAW, 0);
  if (strcmp(name, "netlink with bit 32") == 0) result = syscall(SYS_socket, 1L << 32 | AF_NETLINK, SOCK_RAW, 0L);
  if (strcmp(name, "packet with bit 32") == 0) result = syscall(SYS_socket, 1L << 32 | AF_PACKET, SOCK_RAW, 0L);
  if (strcmp(name, "shmget") == 0) result = shmget(IPC_PRIVATE, 4096, 0600);
  if (strcmp(name, "mq_open") == 0) result = syscall(SYS_mq_open, "bite", O_RDWR | O_CREAT, 0600, NULL);
  if (strcmp(name, "name_to_handle_at") == 0) {
    struct {
      unsigned size;
      int type;
      char bytes[128];
    } handle = {.size = 128};
    int mount = 0;
    result = syscall(SYS_name_to_handle_at, AT_FDCWD, "/tmp", &handle, &mount, 0);
  }
  if (strcmp(name, "setrlimit of core to 0") == 0) {
    const struct rlimit none = {0, 0};
    result = setrlimit(RLIMIT_CORE, &none);
  }
  if (strcmp(name, "mknod of a whiteout") == 0) result = mknod("/work/whiteout", S_IFCHR | 0600, 0);
  if (strcmp(name, "clone3") == 0) result = syscall(SYS_clone3, NULL, 0) < 0 && errno == EINVAL ? 0 : -1;
  return say(result >= 0, name);
}

// A number of the x32 ABI: the kernel answers it, or the filter ends the process.
static int call_of_foreign_abi(const char* none) {
  (void)none;
  syscall(0x40000000L | SYS_getpid);
  return say(1, "a call of another ABI");
}

static const struct {
  const char* name;
  int (*attempt)(const char* argument);
} walls[] = {{"read", read_a_byte},
             {"write", write_a_word},
             {"process", find_process},
             {"signal", signal_process},
             {"connect", connect_to},
             {"memory-of-host", attach_memory},
             {"host", know_host},
             {"cgroup", know_cgroup},
             {"key", search_keyring},
             {"namespace", make_namespace},
             {"user", gain_user},
             {"descriptors", hold_descriptors},
             {"descriptor", use_descriptor},
             {"variable", know_variable},
             {"core", know_core_limit},
             {"oom-score", know_oom_score},
             {"file", make_a_file},
             {"files", make_files},
             {"memory", touch_memory},
             {"processes", start_processes},
             {"processor", use_processor},
             {"spin", spin},
             {"sleep", sleep_for},
             {"fill-pipes", fill_pipes},
             {"pipes", count_pipe_pages},
             {"hold-lock", hold_lock},
             {"lock", see_lock},
             {"call", make_call},
             {"abi", call_of_foreign_abi}};

int main(int argc, char** argv) {
  for (unsigned i = 0; argc > 1 && i < sizeof walls / sizeof walls[0]; ++i)
    if (strcmp(argv[1], walls[i].name) == 0) return walls[i].attempt(argc > 2 ? argv[2] : "");
  return 2;
}
