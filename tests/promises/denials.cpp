// Promise (issue "Containment, proven", 3): what the filter refuses is in the report, with the call's name, its
// arguments and an exact count, however the job ends; and refusing costs nobody but the job.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

// The count of the first denial whose detail begins so; 0 when there is none.
std::uint64_t count_of(const Json& job, const std::string& detail) {
  for (const auto& denial : job.at("denials"))
    if (denial.at("control") == "seccomp" && denial.at("detail").get<std::string>().starts_with(detail))
      return denial.at("count").get<std::uint64_t>();
  return 0;
}

const std::string try_vsock =
    "import socket\n"
    "def attempt():\n"
    "  try: socket.socket(40, 1, 0)\n"
    "  except OSError: pass\n";

}  // namespace

TEST_CASE("refused calls are in the report with their names, their arguments and exact counts",
          "[threat:notify-races]") {
  const Instance cordon;
  for (const char* profile : {"default", "compile", "root-inside"}) {
    auto job = python(try_vsock +
                      "for _ in range(1000): attempt()\n"
                      "import ctypes\n"
                      "libc = ctypes.CDLL(None)\n"
                      "for _ in range(7): libc.syscall(321, 5, 0, 0)\n"
                      "for i in range(3): libc.unshare(0x10000000)\n");
    job["profile"] = profile;
    const auto report = cordon.run(job);
    INFO(report.at("denials").dump(2));
    CHECK(report.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
    CHECK(count_of(report, "socket(AF_VSOCK, ") == 1000);
    CHECK(count_of(report, "bpf(5") == 7);
    CHECK(count_of(report, "unshare(0x10000000") == 3);
  }
}

TEST_CASE("a job that is stopped in the midst of refused calls has them all in its report", "[threat:notify-races]") {
  const Instance cordon;
  auto job = python(try_vsock + "while True: attempt()\n");
  job["limits"] = {{"wall_ms", 1000 * slowness()}};
  const auto report = cordon.run(job);
  INFO(report.dump(2));
  CHECK(report.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "wall"}}));
  CHECK(count_of(report, "socket(AF_VSOCK, ") > 100);
}

TEST_CASE("a thousand different refused calls are counted exactly and told in bounded space", "[threat:notify-races]") {
  const Instance cordon;
  const auto report =
      cordon.run(python("import ctypes\n"
                        "libc = ctypes.CDLL(None)\n"
                        "for i in range(1000): libc.syscall(41, 1000 + i, 1, 0)\n"));
  std::uint64_t all = 0;
  for (const auto& denial : report.at("denials")) all += denial.at("count").get<std::uint64_t>();
  CHECK(all == 1000);
  CHECK(report.at("denials").size() <= 64);
  CHECK(count_of(report, "other calls") == 1000 - (report.at("denials").size() - 1));
}

TEST_CASE("a flood of refused calls is billed to its job, and the daemon and other jobs go on beside it",
          "[threat:notify-races]") {
  const Instance cordon;
  auto flood = python(try_vsock +
                      "import os\n"
                      "for _ in range(7): os.fork()\n"
                      "while True: attempt()\n");
  flood["limits"] = {{"wall_ms", 20000 * slowness()}, {"cpu_ms", 1500 * slowness()}, {"cpus", 0.5}, {"pids", 200}};
  const auto id = cordon.submit(flood).at("id").get<std::string>();
  for (int i = 0; i < 10; ++i) {
    CHECK(cordon.get("/healthz").status == 200);
    CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome").at("code") == 0);
  }
  const auto report = cordon.finished(id);
  INFO(report.at("usage").dump() << report.at("denials").dump());
  CHECK(report.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "cpu"}}));
  CHECK(count_of(report, "socket(AF_VSOCK, ") > 100);
}

TEST_CASE("ordinary programs have no denials: what they may try and do without is no attempt") {
  const Instance cordon;
  const char* programs[] = {
      "python3 -c 'import threading,subprocess,asyncio,ssl; asyncio.run(asyncio.sleep(0)); "
      "t=threading.Thread(target=print); t.start(); t.join(); subprocess.run([\"ls\"])'",
      "node -e 'const {Worker}=require(\"worker_threads\"); require(\"child_process\").execSync(\"ls\")'",
      "echo 'int main(void){return 0;}' >a.c && cc a.c && ./a.out",
      "cp -a /etc/passwd b; tar cf a.tar b; find / -name x 2>/dev/null; df; id; date; sort b; perl -e 1"};
  for (const char* program : programs) {
    const auto job = cordon.run({{"argv", Json::array({"bash", "-c", program})}, {"profile", "compile"}});
    INFO(program << "\n" << job.at("stderr").get<std::string>());
    CHECK(job.at("denials") == Json::array());
  }
}

TEST_CASE("Landlock is in every report: what was applied, or that the kernel has none", "[threat:readonly-remount]") {
  const Instance cordon;
  for (const char* profile : {"default", "compile", "strict", "root-inside"}) {
    const auto job = cordon.run({{"profile", profile}, {"argv", Json::array({"true"})}});
    const auto& enforced = job.at("enforced");
    INFO(enforced.dump(2));
    REQUIRE(enforced.contains("landlock.abi"));
    const bool absent = enforced.at("landlock.abi") == "absent";
    CHECK(enforced.contains("landlock.fs") != absent);
    CHECK(enforced.contains("landlock.scoped") != absent);
  }
}
