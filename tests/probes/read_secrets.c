// Tries to read or change what is not a job's business. Prints each success; 0 when there was none.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int got_through = 0;

static void report(const char* what, const char* path) {
  printf("%s %s\n", what, path);
  got_through = 1;
}

int main(void) {
  const char* readable[] = {"/etc/shadow",
                            "/etc/gshadow",
                            "/etc/ssh/ssh_host_ed25519_key",
                            "/root/.ssh/id_rsa",
                            "/root/.bashrc",
                            "/proc/kcore",
                            "/proc/kmsg",
                            "/proc/kallsyms",
                            "/proc/sysrq-trigger",
                            "/proc/sys/kernel/core_pattern",
                            "/proc/1/environ",
                            "/proc/1/root/etc/shadow",
                            "/proc/1/maps",
                            "/dev/mem",
                            "/dev/kmsg",
                            "/dev/sda",
                            "/dev/vda",
                            "/var/log/dpkg.log",
                            "/sys/kernel/uevent_seqnum",
                            "/run/utmp"};
  const char* writable[] = {
      "/usr/bin/owned", "/etc/owned", "/bin/owned", "/owned", "/dev/owned", "/proc/owned", "/proc/self/oom_score_adj_"};
  const char* listable[] = {"/root", "/home",  "/var", "/srv", "/boot",     "/sys",
                            "/run",  "/media", "/mnt", "/opt", "/usr/local"};
  for (unsigned i = 0; i < sizeof readable / sizeof *readable; ++i) {
    char byte = 0;
    const int fd = open(readable[i], O_RDONLY | O_NONBLOCK);
    if (fd >= 0 && read(fd, &byte, 1) == 1) report("read", readable[i]);
    if (fd >= 0) close(fd);
  }
  for (unsigned i = 0; i < sizeof writable / sizeof *writable; ++i) {
    const int fd = open(writable[i], O_WRONLY | O_CREAT, 0600);
    if (fd >= 0) report("wrote", writable[i]);
    if (fd >= 0) close(fd);
  }
  for (unsigned i = 0; i < sizeof listable / sizeof *listable; ++i) {
    DIR* directory = opendir(listable[i]);
    if (directory == NULL) continue;
    for (const struct dirent* entry = readdir(directory); entry != NULL; entry = readdir(directory))
      if (entry->d_name[0] != '.') report("saw into", listable[i]);
    closedir(directory);
  }
  return got_through;
}
