// Tries everything that stands in the image for a way out: devices, sockets, FIFOs, links, programs with rights, and to
// change any of it. Arguments: a secret of the host that no file here may contain, and where to look if not at /. One
// line an attempt, grouped by kind; 0 when all were held, 2 when there was nothing to try.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int got_through = 0, tried = 0, quiet = 0;
static const char* secret = "";

static void say(int held, const char* what, const char* path, int error) {
  ++tried;
  if (!held) got_through = 1;
  if (held && quiet) return;
  printf("%s: %s ", held ? "held" : "GOT THROUGH", what);
  for (const unsigned char* c = (const unsigned char*)path; *c != 0; ++c)
    if (*c > ' ' && *c < 0x7f && *c != '\\')
      putchar(*c);
    else
      printf("\\x%02x", *c);
  printf(error ? " (%s)\n" : "\n", strerrorname_np(error));
}

// For calls that have no *at form; deep down a whole path would be too long.
static const char* by_descriptor(int at, const char* name) {
  static char path[NAME_MAX + 64];
  snprintf(path, sizeof path, "/proc/self/fd/%d/%s", at, name);
  return path;
}

static void open_device(int at, const char* name, const char* path) {
  const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
  int held = 1, error = 0;
  for (unsigned i = 0; i < 3; ++i) {
    const int fd = openat(at, name, modes[i] | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    error = errno;
    if (fd >= 0) held = 0, close(fd);
  }
  say(held, "device", path, held ? error : 0);
}

static void connect_socket(int at, const char* name, const char* path) {
  const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  int held = 1, error = 0;
  for (unsigned i = 0; i < 3; ++i) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(by_descriptor(at, name)) >= sizeof address.sun_path) continue;
    strcpy(address.sun_path, by_descriptor(at, name));
    const int fd = socket(AF_UNIX, types[i] | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr*)&address, sizeof address) == 0) held = 0;
    error = errno;
    if (fd >= 0) close(fd);
  }
  say(held, "socket", path, held ? error : 0);
}

// Whether someone on the host hears it is for the test to see.
static void use_fifo(int at, const char* name, const char* path) {
  const int fd = openat(at, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
  char heard[16];
  const int error = fd < 0 ? errno : 0;
  const int spoken_to = fd >= 0 && read(fd, heard, sizeof heard) > 0;
  if (fd >= 0) (void)!write(fd, "out", 3);
  say(!spoken_to, "fifo", path, error);
  if (fd >= 0) close(fd);
}

static void follow_link(int at, const char* name, const char* path) {
  char text[4096] = "";
  const int fd = openat(at, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  const int error = fd < 0 ? errno : 0;
  say(n <= 0 || memmem(text, (size_t)n, secret, strlen(secret)) == NULL, "link", path, error);
  if (fd >= 0) close(fd);
}

static unsigned long long permitted(void) {
  char line[256];
  unsigned long long found = ~0ULL;
  FILE* status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL) sscanf(line, "CapPrm: %llx", &found);
  if (status != NULL) fclose(status);
  return found;
}

// What this program does when it is a program of the image: 0 when they gave it nothing that its caller had not.
static int look_for_rights(const char* callers) {
  uid_t r = 0, e = 0, s = 0;
  gid_t rg = 0, eg = 0, sg = 0;
  getresuid(&r, &e, &s);
  getresgid(&rg, &eg, &sg);
  return r != e || e != s || rg != eg || eg != sg || (permitted() & ~strtoull(callers, NULL, 16)) != 0;
}

static void run_with_rights(int at, const char* name, const char* path) {
  fflush(stdout);
  const pid_t child = fork();
  if (child < 0) return;
  if (child == 0) {
    char callers[32], *const argv[] = {"rights", callers, NULL}, *const environment[] = {NULL};
    snprintf(callers, sizeof callers, "%llx", permitted());
    execve(by_descriptor(at, name), argv, environment);
    _exit(126);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const int refused = WIFEXITED(status) && WEXITSTATUS(status) == 126;
  say(refused || (WIFEXITED(status) && WEXITSTATUS(status) == 0), refused ? "unexecutable" : "program", path, 0);
}

static void change(int at, const char* name, const char* path, mode_t mode) {
  if (geteuid() == 0) return;  // root inside may, in a copy of its own: the tree's digest shows whether it is one
  struct stat before, after;
  const struct timespec then[2] = {{1, 0}, {1, 0}};
  fstatat(at, name, &before, AT_SYMLINK_NOFOLLOW);
  int held = 1;
  const int flags = O_WRONLY | O_NONBLOCK | O_NOFOLLOW;
  const int fd = S_ISREG(mode) ? openat(at, name, flags) : -1;
  const int error = errno;
  if (fd >= 0) held = 0, close(fd);
  held &= fchmodat(at, name, 0777, 0) < 0 || S_ISLNK(mode);
  held &= fchownat(at, name, 1000, 1000, AT_SYMLINK_NOFOLLOW) < 0;
  held &= utimensat(at, name, then, AT_SYMLINK_NOFOLLOW) < 0;
  held &= renameat(at, name, at, "renamed") < 0;
  held &= linkat(at, name, AT_FDCWD, "/work/hardlink", 0) < 0;
  held &= unlinkat(at, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0) < 0;
  held &= lsetxattr(by_descriptor(at, name), "user.mine", "1", 1, 0) < 0;
  held &= fstatat(at, name, &after, AT_SYMLINK_NOFOLLOW) == 0 && after.st_mode == before.st_mode &&
          after.st_mtim.tv_sec == before.st_mtim.tv_sec && after.st_ctim.tv_nsec == before.st_ctim.tv_nsec;
  say(held, "change", path, S_ISREG(mode) && fd < 0 ? error : 0);
}

static void visit(int at, const char* name, const char* path, mode_t mode) {
  change(at, name, path, mode);
  if (S_ISBLK(mode) || S_ISCHR(mode)) open_device(at, name, path);
  if (S_ISSOCK(mode)) connect_socket(at, name, path);
  if (S_ISFIFO(mode)) use_fifo(at, name, path);
  if (S_ISLNK(mode)) follow_link(at, name, path);
  if (S_ISREG(mode)) follow_link(at, name, path);
  if (S_ISREG(mode) && (mode & S_IXOTH)) run_with_rights(at, name, path);
}

static int is_cordons_own(const char* path) {
  const char* own[] = {"/dev", "/proc", "/tmp", "/work"};
  for (unsigned i = 0; i < 4; ++i)
    if (strcmp(path, own[i]) == 0) return 1;
  return 0;
}

static void walk(int directory, const char* prefix, int depth) {
  DIR* stream = fdopendir(dup(directory));
  if (stream == NULL) return;
  for (const struct dirent* entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char path[PATH_MAX];
    struct stat st;
    // Below the depth where paths end, things have the names of their ancestors.
    if (snprintf(path, sizeof path, "%s/%s", prefix, entry->d_name) >= (int)sizeof path) strcpy(path, prefix);
    if (is_cordons_own(path) || fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
    quiet = depth > 8 || strlen(path) > 600;  // counted, not told
    visit(directory, entry->d_name, path, st.st_mode);
    const int below =
        S_ISDIR(st.st_mode) && depth < 200 ? openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -1;
    if (below >= 0) walk(below, path, depth + 1), close(below);
  }
  closedir(stream);
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[0], "rights") == 0) return look_for_rights(argv[1]);
  if (argc >= 2) secret = argv[1];
  const char* top = argc == 3 ? argv[2] : "/";
  const int root = open(top, O_RDONLY | O_DIRECTORY);
  if (root < 0) return 2;
  walk(root, argc == 3 ? top : "", 0);
  printf("tried %d\n", tried);
  return tried == 0 ? 2 : got_through;
}
