// Promise (threats.md, "shared /dev/shm, SysV, …" and "page cache"; issue "Containment, proven", 7): no job reaches
// another, whoever submitted them. One job is the victim and offers itself in every way there is; another tries them
// all. The same probe, run in namespaces that both sides share, gets through nearly everywhere: it bites.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/promises/image_tree.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

const char* const all_profiles[] = {"default", "compile", "strict", "root-inside"};
constexpr const char* image_file = "/usr/bin/env";

// What reaches where all is shared, and nothing between jobs.
const std::vector<std::string> channels{
    // ipc.c
    "shmget of another's key", "shmat by number", "semget of another's key", "msgget of another's key",
    "msgrcv by number", "mq_open of another's queue", "a key in the session keyring", "a key in the user keyring",
    "a key in the user session keyring", "request_key", "a named session keyring", "an object in /dev/shm",
    "a file in /tmp", "a file in /work", "a file in /var/tmp", "a file in /run", "a FIFO in /tmp",
    // net.c
    "an abstract stream socket", "an abstract datagram socket", "an abstract sequenced-packet socket",
    "a socket in /tmp", "a socket in /work", "a socket in /dev/shm", "TCP over 127.0.0.1", "TCP over ::1",
    "UDP over 127.0.0.1", "UDP by broadcast", "UDP by multicast", "a netlink message to another's port",
    "the names of sockets in /proc/net/unix",
    // process.c
    "kill", "kill of the process group", "tgkill", "sigqueue", "pidfd_send_signal", "a signal by F_SETOWN", "ptrace",
    "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "setpriority", "sched_setaffinity", "prlimit",
    "/proc/PID/cmdline", "/proc/PID/environ", "/proc/PID/mem", "/proc/PID/maps", "/proc/PID/status", "/proc/PID/root",
    "/proc/PID/cwd", "/proc/PID/ns", "/proc/PID/fd", "/proc/PID/oom_score_adj", "the list of processes in /proc",
    "/proc/loadavg", "/proc/locks", "/proc/stat", "/proc/sysvipc", "/proc/meminfo",
    // image.c
    "flock on a file of the image", "a record lock on a file of the image",
    "an open file's record lock on a file of the image", "a lease on a file of the image", "dnotify on the image",
    "inotify on the image", "fanotify on the image", "opening a file of the image to write",
    "opening a file of the image to append", "truncating a file of the image", "mapping a file of the image to write",
    "making a mapping of the image writable", "splicing a page of the image", "vmsplicing a page of the image",
    "chmod of a file of the image", "utimensat of a file of the image", "setxattr of a file of the image",
    "making a file in the image", "linking a file of the image away"};
// What no kernel in order lets through, or only to root.
const std::vector<std::string> closed_anyway{"the kernel's log", "writing a mapping of the image through /proc"};
// What a job may do within itself: there the probe gets through in the sandbox too.
const std::vector<std::string> open_within_a_job{"an object in /dev/shm",
                                                 "a file in /tmp",
                                                 "a file in /work",
                                                 "a FIFO in /tmp",
                                                 "an abstract stream socket",
                                                 "an abstract datagram socket",
                                                 "an abstract sequenced-packet socket",
                                                 "a socket in /tmp",
                                                 "a socket in /work",
                                                 "a socket in /dev/shm",
                                                 "TCP over 127.0.0.1",
                                                 "TCP over ::1",
                                                 "UDP over 127.0.0.1",
                                                 "kill",
                                                 "kill of the process group",
                                                 "tgkill",
                                                 "a signal by F_SETOWN",
                                                 "setpriority",
                                                 "sched_setaffinity",
                                                 "/proc/PID/cmdline",
                                                 "/proc/PID/environ",
                                                 "/proc/PID/status",
                                                 "/proc/PID/root",
                                                 "/proc/PID/cwd",
                                                 "/proc/PID/fd",
                                                 "the list of processes in /proc",
                                                 "flock on a file of the image",
                                                 "a record lock on a file of the image",
                                                 "an open file's record lock on a file of the image"};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool has_line(const std::vector<std::string>& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

Json submit_as(const Instance& cordon, const Credentials& who, Json job, bool wait) {
  job["wait"] = wait;
  const auto answer = cordon.request({.method = "POST", .target = "/v1/jobs", .body = job.dump(), .as = who});
  INFO(answer.body);
  REQUIRE(answer.status == (wait ? 200 : 202));
  return answer.json();
}

// Everything that is the victim's, as the host numbers it; inside, a job knows only numbers of its own.
std::vector<std::string> processes_of_jobs(const Instance& cordon) {
  std::vector<std::string> pids;
  for (const auto pid : job_processes(cordon.whose())) pids.push_back(std::to_string(pid));
  return pids;
}

struct Meeting {
  Json attacker;
  std::string victim_said;
};

Meeting meet(const Instance& cordon, const std::string& profile, const Credentials& victim_owner,
             const Credentials& attacker_owner) {
  auto victim = probe("channels", {"serve", image_file});
  victim["profile"] = profile;
  victim["limits"]["wall_ms"] = 60000;
  const auto id = submit_as(cordon, victim_owner, victim, false).at("id").get<std::string>();
  const auto said = [&] { return cordon.request({.target = "/v1/jobs/" + id + "/stdout", .as = victim_owner}).body; };
  REQUIRE(eventually([&] { return said() == "set up\n"; }));
  std::vector<std::string> arguments{"attempt", image_file};
  for (auto& pid : processes_of_jobs(cordon)) arguments.push_back(std::move(pid));
  REQUIRE(arguments.size() > 2);
  auto attacker = probe("channels", arguments);
  attacker["profile"] = profile;
  Meeting meeting{submit_as(cordon, attacker_owner, attacker, true), ""};
  const auto end = cordon.request({.method = "DELETE", .target = "/v1/jobs/" + id, .as = victim_owner}).json();
  CHECK(end.at("outcome").at("kind") == "cancelled");  // it was alive and well until then
  meeting.victim_said = end.at("stdout").get<std::string>();
  return meeting;
}

void must_be_held(const Meeting& meeting) {
  const auto lines = lines_of(meeting.attacker.at("stdout").get<std::string>());
  INFO(meeting.attacker.at("outcome").dump() << meeting.attacker.at("stderr"));
  for (const auto* names : {&channels, &closed_anyway}) {
    for (const auto& name : *names) {
      INFO(name);
      CHECK(has_line(lines, "held: " + name));
    }
  }
  CHECK(lines.size() == channels.size() + closed_anyway.size());
  CHECK(meeting.attacker.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(meeting.victim_said == "set up\n");
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Namespaces that nobody else is in, a file instead of an image, and a user without rights: there both sides are run.
// The file is on a disk ($3): a tmpfs has user attributes since Linux 6.6 only.
constexpr const char* shared_world = R"(
set -e; cd /
for directory in /dev/shm /run; do mount -t tmpfs -o mode=1777 none $directory; done
cp "$1" /run/channels; chmod 755 /run/channels
mkdir -p /work; mount -t tmpfs -o mode=1777 none /work
chmod 1777 $3; mount --bind $3 /tmp; mount -t tmpfs -o mode=1777 none /var/tmp
mkdir /tmp/image; head -c 65536 /dev/zero >/tmp/image/file; chown -R $2:$2 /tmp/image
/usr/bin/python3 -c 'import socket,fcntl,struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 0x49))'
exec setpriv --reuid $2 --regid $2 --clear-groups --inh-caps=-all /run/channels both /tmp/image/file
)";

}  // namespace

TEST_CASE("no channel leads from one job to another of the same agent", "[threat:shared-ipc][threat:page-cache]") {
  const Instance cordon;
  const auto before = bytes_of(image_file);
  for (const char* profile : all_profiles) {
    INFO(profile);
    must_be_held(meet(cordon, profile, cordon.agent(1), cordon.agent(1)));
  }
  CHECK(bytes_of(image_file) == before);
}

TEST_CASE("no channel leads from one job to another of a different agent", "[threat:shared-ipc][threat:page-cache]") {
  const Instance cordon;
  const auto before = bytes_of(image_file);
  for (const char* profile : all_profiles) {
    INFO(profile);
    must_be_held(meet(cordon, profile, cordon.agent(1), cordon.agent(2)));
  }
  CHECK(bytes_of(image_file) == before);
}

TEST_CASE("the probe of channels gets through wherever both sides share their namespaces", "[threat:shared-ipc]") {
  const Instance cordon;  // for a user id that nobody has
  const ImageTree disk;
  const auto log = cordon.directory() + "/control";
  Process both({"unshare", "--mount", "--pid", "--ipc", "--net", "--fork", "--kill-child", "--mount-proc",
                "--propagation", "private", "bash", "-c", shared_world, "bash", CORDON_PROBE_DIR "/channels",
                std::to_string(cordon.agent(3).uid), disk.root().string()},
               log, false);
  const auto status = both.wait(at_test_speed(std::chrono::seconds(20)));
  const auto text = read_text(log);
  INFO(text);
  REQUIRE(status.has_value());
  const auto lines = lines_of(text);
  for (const auto& name : channels) {
    INFO(name);
    CHECK(has_line(lines, "GOT THROUGH: " + name));
  }
  CHECK(has_line(lines, "harmed: a signal came"));
  CHECK(has_line(lines, "harmed: the image changed"));
}

TEST_CASE("within one job the channels that it may use are open, so that the probe is known to bite in a sandbox too",
          "[threat:shared-ipc]") {
  const Instance cordon;
  const auto job = cordon.run(probe("channels", {"both", image_file}));
  const auto lines = lines_of(job.at("stdout").get<std::string>());
  INFO(job.at("stdout").get<std::string>());
  for (const auto& name : open_within_a_job) {
    INFO(name);
    CHECK(has_line(lines, "GOT THROUGH: " + name));
  }
  CHECK(has_line(lines, "harmed: a signal came"));
}
