// Promise (issue "Containment, proven", 7; architecture.md, "Namespaces and ownership"): what the kernel counts for a
// user is counted for each job alone: one that takes all it can get takes nothing from another, or from the host. And
// nothing is left for who gets a user id next.
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

// What comes first on standard output while the job goes on.
std::string first_line(const Instance& cordon, const std::string& id) {
  std::string text;
  const bool came = eventually([&] { return !(text = cordon.get("/v1/jobs/" + id + "/stdout").body).empty(); });
  INFO(cordon.get("/v1/jobs/" + id).body);
  REQUIRE(came);
  return text;
}

// Runs `take_all` in a job that stays, then in a second one; the second must get as much as the first.
void both_get(const Instance& cordon, const std::string& take_all, const std::string& expected) {
  auto greedy = python(take_all + "\nprint(taken, flush=True)\nimport time; time.sleep(20)\n");
  auto modest = python(take_all + "\nprint(taken)\n");
  for (auto* wish : {&greedy, &modest}) (*wish)["limits"] = {{"wall_ms", 30000}, {"open_files", 400}};
  const auto id = cordon.submit(greedy).at("id").get<std::string>();
  CHECK(first_line(cordon, id) == expected);
  const auto second = cordon.run(modest);
  INFO(second.dump(2));
  CHECK(second.at("stdout") == expected);
  cordon.remove("/v1/jobs/" + id);
}

// Signals and timers that are pending for this user, and so for root on the whole host.
long pending_of_root() {
  std::istringstream status(read_text("/proc/self/status"));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigQ:")) return std::stol(line.substr(line.find_first_of("0123456789")));
  return -1;
}

std::string user_of(const Instance& cordon) {
  std::string users;
  for (const auto pid : job_processes(cordon.whose())) {
    std::istringstream status(read_text("/proc/" + std::to_string(pid) + "/status"));
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("Uid:")) users += line + "\n";
  }
  return users;
}

constexpr const char* all_timers =
    "import ctypes\n"
    "libc, taken = ctypes.CDLL(None), 0\n"
    "event = (ctypes.c_char * 64)(); event[8] = 34\n"
    "while taken < 6000 and libc.timer_create(1, event, ctypes.byref(ctypes.c_void_p())) == 0: taken += 1\n";

// 16,384 pages are a user's own (pipe(7), pipe-user-pages-soft): then a new pipe is two pages small.
constexpr const char* all_pipe_pages =
    "import os, fcntl\n"
    "r, w = os.pipe(); taken = fcntl.fcntl(r, 1032)\n"
    "k = []\n"
    "try:\n"
    "  for i in range(80): k.append(os.pipe()); fcntl.fcntl(k[-1][0], 1031, 1 << 20)\n"
    "except OSError: taken = str(taken) + ' and no more'\n";

constexpr const char* all_sockets_in_flight =
    "import socket, os\n"
    "a, b = socket.socketpair(); taken = 0; f = os.open('/dev/null', 0)\n"
    "a.setblocking(False)\n"
    "try:\n"
    "  while taken < 3000: socket.send_fds(a, [b'x'], [f] * 10); taken += 10\n"
    "except OSError as e: taken = str(taken) + ' ' + str(e.errno)\n";

}  // namespace

TEST_CASE("pending signals and timers of a job count for no other job and not for root", "[threat:shared-ipc]") {
  Instance cordon;
  const rlimit little{5000, 5000};  // of the launcher: what the user namespace of a job hands on to its owner
  REQUIRE(::prlimit(cordon.launcher().pid(), RLIMIT_SIGPENDING, &little, nullptr) == 0);
  auto hog = python(std::string(all_timers) + "print(taken, flush=True)\nimport time; time.sleep(20)\n");
  const auto id = cordon.submit(hog).at("id").get<std::string>();
  CHECK(first_line(cordon, id) == "4096\n");
  CHECK(pending_of_root() < 1000);  // others of the host have a few
  CHECK(cordon.run(python(std::string(all_timers) + "print(taken)")).at("stdout") == "4096\n");
  cordon.remove("/v1/jobs/" + id);
}

TEST_CASE("pipe buffers and descriptors in flight of a job count for no other job", "[threat:shared-ipc]") {
  const Instance cordon;
  both_get(cordon, all_pipe_pages, "65536 and no more\n");
  both_get(cordon, all_sockets_in_flight, "410 109\n");
}

TEST_CASE("who gets the user id of an earlier job finds nothing of it", "[threat:shared-ipc]") {
  const std::string leave =
      "import os, time\n"
      "for d in ('/tmp', '/work', '/dev/shm'): open(d + '/left', 'w').write('behind')\n"
      "print('left', flush=True); time.sleep(20)\n";
  const std::string look =
      "import os, time\n"
      "print(os.listdir('/tmp'), os.listdir('/work'), os.listdir('/dev/shm'), flush=True); time.sleep(20)\n";
  bool same = false;
  for (int round = 0; round < 10 && !same; ++round) {
    std::string earlier;
    {
      const Instance cordon;
      const auto id = cordon.submit(python(leave)).at("id").get<std::string>();
      CHECK(first_line(cordon, id) == "left\n");
      earlier = user_of(cordon);
      cordon.remove("/v1/jobs/" + id);
    }
    const Instance cordon;  // of the lowest free block of ids: the one that the first had, unless another was quicker
    const auto id = cordon.submit(python(look)).at("id").get<std::string>();
    CHECK(first_line(cordon, id) == "[] [] []\n");
    same = user_of(cordon) == earlier;
    cordon.remove("/v1/jobs/" + id);
  }
  CHECK(same);
}
