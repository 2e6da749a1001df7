// Promise (threats.md): procfs, descriptors, pid 1, terminals, clocks, mounts and namespaces are no way out, whatever
// the profile; each attempt has its name.
#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

const char* const all_profiles[] = {"default", "compile", "strict", "root-inside"};

std::set<std::string> attempts_of(const Json& job) {
  std::set<std::string> lines;
  std::istringstream out(job.at("stdout").get<std::string>());
  for (std::string line; std::getline(out, line);) lines.insert(line);
  return lines;
}

// Every one of `attempts` was made, and held, under every profile.
void must_be_held(const std::vector<std::string>& attempts) {
  const Instance cordon;
  for (const char* profile : all_profiles) {
    auto wish = probe("way_out");
    wish["profile"] = profile;
    const auto job = cordon.run(wish);
    const auto lines = attempts_of(job);
    INFO(profile << "\n" << job.at("stdout").get<std::string>());
    CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
    for (const auto& attempt : attempts) {
      INFO(attempt);
      CHECK(lines.contains("held: " + attempt));
    }
  }
}

std::vector<std::string> each(const std::string& what, const std::vector<std::string>& objects) {
  std::vector<std::string> attempts;
  for (const auto& object : objects) attempts.push_back(what + " " + object);
  return attempts;
}

std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const std::vector<std::string> kinds{"user", "mount", "pid", "network", "ipc", "uts", "cgroup", "time"};

}  // namespace

TEST_CASE("the runtime beneath a job can be neither read, overwritten, signalled nor limited",
          "[threat:runtime-overwrite]") {
  must_be_held(each("write to", {"/proc/1/exe", "/proc/1/mem", "/proc/1/fd/0", "/proc/1/fd/3"}) +
               each("read from", {"/proc/1/mem", "/proc/1/environ", "/proc/1/maps", "/proc/1/auxv"}) +
               each("look through", {"/proc/1/exe", "/proc/1/cwd", "/proc/1/root", "/proc/1/fd/3"}) +
               each("signal pid 1 with", {"9", "19", "15", "11"}) + std::vector<std::string>{"limit pid 1"});
}

TEST_CASE("no descriptor and no directory of a job leads out of its root", "[threat:leaked-fd]") {
  must_be_held(each("a name of the host behind", {"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"}) +
               each("go to", {"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"}) +
               std::vector<std::string>{"a descriptor more", "open by handle", "climb over the root"});
}

TEST_CASE("nothing of the kernel is set through procfs, and nothing of the host is read there",
          "[threat:procfs-redirect]") {
  must_be_held(
      each("write to", {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger",
                        "/proc/self/attr/exec", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups",
                        "/proc/self/oom_score_adj", "/proc/self/loginuid", "/proc/kcore"}) +
      each("read from",
           {"/proc/kcore", "/proc/kallsyms", "/proc/keys", "/proc/kmsg", "/proc/interrupts",
            "/proc/sys/kernel/hostname", "/proc/cmdline", "/sys/kernel/notes", "/sys/fs/cgroup/cgroup.procs"}));
}

TEST_CASE("mounts stay as they were made", "[threat:readonly-remount]") {
  must_be_held({"remount /usr writable", "remount / writable", "mount another procfs", "unmount /proc", "mount_setattr",
                "pivot_root", "chroot"});
}

TEST_CASE("no call makes or enters a namespace, also with a flag's high bits set or hidden behind a pointer",
          "[threat:clone3]") {
  must_be_held(each("unshare a namespace:", kinds) + each("unshare with bit 32 a namespace:", kinds) +
               each("clone into a namespace:", kinds) + std::vector<std::string>{"clone3", "setns"});
}

TEST_CASE("a job has no terminal, and can type into none", "[threat:tty-ioctl]") {
  must_be_held(each("TIOCSTI on", {"0", "1", "2"}) + each("TIOCSTI with bit 32 on", {"0", "1", "2"}) +
               each("TIOCLINUX on", {"0", "1", "2"}) + each("a terminal at", {"0", "1", "2"}) +
               each("open", {"/dev/tty", "/dev/console", "/dev/ptmx", "/dev/kmsg", "/dev/mem", "/dev/kvm", "/dev/vda",
                             "/dev/net/tun"}));
}

TEST_CASE("a job turns no clock and takes no higher priority", "[threat:wall-tricks]") {
  must_be_held({"clock_settime", "settimeofday", "adjtimex", "a higher priority", "real-time scheduling"});
}
