// Promise (architecture.md, law 3; api.md, "Jobs"): a job lives as long as who wants it, and never longer than its
// keepers.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <ctime>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "tests/promises/instance.hpp"
#include "tests/promises/launcher_line.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

const Json sleeper{{"argv", Json::array({"sleep", "60"})}};

std::string waited_post(Json body, const std::string& header = "") {
  body["wait"] = true;
  const auto text = body.dump();
  return "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + header +
         "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

// Of the process alone (clock_getcpuclockid(3)).
std::chrono::nanoseconds cpu_time_of(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  REQUIRE(::clock_getcpuclockid(pid, &clock) == 0);
  REQUIRE(::clock_gettime(clock, &used) == 0);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::string only_job(const Instance& cordon) {
  Json jobs;
  eventually([&] {
    jobs = cordon.get("/v1/jobs").json().at("jobs");
    return !jobs.empty() && jobs[0].at("state") == "running";
  });
  REQUIRE(jobs.size() == 1);
  return jobs[0].at("id").get<std::string>();
}

}  // namespace

TEST_CASE("a waited job without a key is cancelled when its client goes away") {
  const Instance cordon;
  auto connection = connect_to(cordon.agent_socket());
  send_all(connection.get(), waited_post(sleeper));
  const auto id = only_job(cordon);
  connection.reset();
  CHECK(cordon.finished(id).at("outcome").at("kind") == "cancelled");
}

TEST_CASE("a waited job with a key goes on when its client goes away, and answers to its key") {
  const Instance cordon;
  const Json wish{{"argv", Json::array({"sh", "-c", "sleep 1; echo done"})}};
  auto connection = connect_to(cordon.agent_socket());
  send_all(connection.get(), waited_post(wish, "Idempotency-Key: k1\r\n"));
  const auto id = only_job(cordon);
  connection.reset();
  CHECK(cordon.finished(id).at("stdout") == "done\n");
  auto same = wish;
  same["wait"] = true;
  const auto again = cordon.post(same, {"Idempotency-Key: k1"});
  CHECK(again.json().at("id") == id);
}

TEST_CASE("one key and one body are one job: another body is refused: another agent's key is another") {
  const Instance cordon;
  const Json wish{{"argv", Json::array({"true"})}};
  const auto first = cordon.post(wish, {"Idempotency-Key: k"}).json().at("id");
  CHECK(cordon.post(wish, {"Idempotency-Key: k"}).json().at("id") == first);
  const auto other = cordon.post({{"argv", Json::array({"false"})}}, {"Idempotency-Key: k"});
  CHECK(other.status == 409);
  CHECK(other.json().at("code") == "idempotency_mismatch");
  const auto agent = cordon.request({.method = "POST",
                                     .target = "/v1/jobs",
                                     .body = wish.dump(),
                                     .headers = {"Idempotency-Key: k"},
                                     .as = cordon.agent(1)});
  CHECK(agent.json().at("id") != first);
}

TEST_CASE("when cordond dies every sandbox dies with it, and a new one begins with nothing alive",
          "[threat:cgroup-kill]") {
  Instance cordon;
  for (int i = 0; i < 3; ++i) cordon.reaches(cordon.submit(sleeper).at("id").get<std::string>(), "running");
  REQUIRE(eventually([&] { return job_processes(cordon.whose()).size() >= 6; }));  // the tools, and pid 1 of each
  cordon.daemon().signal(SIGKILL);
  cordon.daemon().wait(std::chrono::seconds(5));
  cordon.start_daemon();
  CHECK(job_processes(cordon.whose()).empty());
  CHECK(cordon.run({{"argv", Json::array({"echo", "again"})}}).at("stdout") == "again\n");
}

TEST_CASE("when the launcher's process for a job is killed the job is lost, not exited, and nothing of it lives on",
          "[threat:lost-as-success]") {
  Instance cordon;
  const auto id = cordon.submit(sleeper).at("id").get<std::string>();
  REQUIRE(eventually([&] { return !cordon.get("/v1/jobs/" + id).json().at("started_at").is_null(); }));
  std::vector<pid_t> in_sandbox;  // pid 1 and the tool: pid 1's parent is the job's launcher
  REQUIRE(eventually([&] { return (in_sandbox = job_processes(cordon.whose())).size() == 2; }));
  const auto first = parent_of(in_sandbox[0]) == in_sandbox[1] ? in_sandbox[1] : in_sandbox[0];
  REQUIRE(parent_of(parent_of(first)) == cordon.launcher().pid());
  ::kill(parent_of(first), SIGKILL);
  const auto job = cordon.finished(id);
  INFO(job.at("outcome").dump());
  CHECK(job.at("outcome").at("kind") == "lost");
  CHECK(!job.at("outcome").contains("code"));
  CHECK(eventually([&] { return job_processes(cordon.whose()).empty(); }));
}

TEST_CASE("a descriptor that is not a sealed memfd is refused on the launcher's socket", "[threat:leaked-fd]") {
  Instance cordon;
  cordon.daemon().end(10s);
  LauncherLine line(cordon);
  line.set_generation(1);
  const cordon::Fd directory(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const cordon::Fd open_memory(::memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const cordon::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto memory = cordon::sealed_memfd("x", "x");
  for (const auto* bad : {&directory, &open_memory, &socket}) {
    for (std::size_t place = 0; place < cordon::job_fd_count; ++place) {
      std::vector<int> fds(cordon::job_fd_count, memory.get());
      fds[place] = bad->get();
      const auto ending = line.run_with(1, fds);
      const auto* refused = std::get_if<cordon::SetupFailed>(&ending);
      REQUIRE(refused != nullptr);
      CHECK(refused->step == "accept a descriptor");
    }
  }
  CHECK(std::holds_alternative<cordon::Exited>(line.run(1, {"true"})));
  CHECK(eventually([&] { return job_processes(cordon.whose()).empty(); }));
}

TEST_CASE("who is not cordond is not heard on the launcher's socket", "[threat:leaked-fd]") {
  Instance cordon;
  const cordon::Fd lifeline(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));  // root, even
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  cordon.launcher_socket().copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::connect(lifeline.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  try {
    cordon::send_message(lifeline.get(), cordon::encode_hello());
  } catch (const std::exception&) {
    SUCCEED("it had closed already");
  }
  char answer[65536];
  CHECK(::recv(lifeline.get(), answer, sizeof answer, 0) <= 0);
  CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome").at("kind") == "exited");
}

TEST_CASE("a launcher that is out of descriptors waits for one without spinning, and then serves who waited",
          "[threat:supervisor-starved]") {
  Instance cordon;
  const auto pid = cordon.launcher().pid();
  rlimit usual{};
  REQUIRE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &usual) == 0);
  const rlimit none{3, usual.rlim_max};  // as many as are taken by then; poll(2) itself wants room for two
  REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &none, nullptr) == 0);
  const auto id = cordon.submit({{"argv", Json::array({"true"})}}).at("id").get<std::string>();
  const auto before = cpu_time_of(pid);
  CHECK(cordon.get("/v1/jobs/" + id + "?wait=2").json().at("state") != "finished");
  CHECK(cpu_time_of(pid) - before < std::chrono::milliseconds(200));
  REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &usual, nullptr) == 0);
  CHECK(cordon.finished(id).at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
}

TEST_CASE("a stopped instance takes its running jobs with it", "[threat:cgroup-kill]") {
  const Instance cordon;
  for (int i = 0; i < 3; ++i) cordon.reaches(cordon.submit(sleeper).at("id").get<std::string>(), "running");
  SUCCEED("the instance's own end is the test");
}
