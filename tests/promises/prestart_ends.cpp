// Promise (sandbox/prestart): interpreters that wait are ended as any warm sandbox is, and one that misbehaves costs a
// cold start and nothing else.
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fstream>

#include "tests/promises/image_tree.hpp"
#include "tests/promises/warmth.hpp"

using namespace cordon::test;

namespace {

const Json exited_well{{"kind", "exited"}, {"code", 0}};
const Json says{{"argv", {"python3", "-c", "print('once')"}}};
const Json sleeper{{"argv", {"python3", "-c", "import time; time.sleep(60)"}}, {"limits", {{"wall_ms", 60000}}}};

Answer engage(const Instance& cordon, const std::string& scope) {
  return call(cordon.operator_socket(), {.method = "PUT",
                                         .target = "/v1/kill/" + scope,
                                         .body = R"({"reason": "test"})",
                                         .headers = {"Content-Type: application/json"}});
}

double hits(const Instance& cordon) {
  return sample(cordon, R"(cordon_warm_hits_total{profile="default",prestart="python"})");
}

double declined(const Instance& cordon) {
  return sample(cordon, R"(cordon_warm_declined_total{profile="default",prestart="python"})");
}

// The pythons that wait, or run.
std::set<pid_t> interpreters(Instance& cordon) {
  std::set<pid_t> found;
  for (const auto pid : job_processes(cordon.whose()))
    if (read_text("/proc/" + std::to_string(pid) + "/comm") == "python3\n") found.insert(pid);
  return found;
}

bool any_alive(const std::set<pid_t>& pids) {
  for (const auto pid : pids)
    if (::kill(pid, 0) == 0) return true;
  return false;
}

std::size_t failures_told(const Instance& cordon) {
  const auto logs = cordon.logs();
  std::size_t count = 0;
  for (auto at = logs.find("warm_sandbox_failed"); at != std::string::npos;
       at = logs.find("warm_sandbox_failed", at + 1))
    ++count;
  return count;
}

Json plain(const Instance& cordon, Json job) {
  job["timings"] = true;
  auto ended = cordon.run(std::move(job));
  INFO(ending_of(ended));
  CHECK(ended.at("prestart").is_null());
  CHECK(ended.at("outcome") == exited_well);
  return ended;
}

// An image whose python3 is the probe false_interpreter, and an instance that has it wait for jobs.
ImageTree false_image(const std::string& manner) {
  ImageTree tree;
  tree.program("usr/bin/python3", "false_interpreter", 0755);
  tree.file("manner", manner);
  return tree;
}

Json with_image(const ImageTree& tree) {
  auto config = with_prestarted();
  config["images"] = {{"host", Json::object()}, {"tree", {{"rootfs", tree.root().string()}}}};
  config["warm"]["default"]["image"] = "tree";
  return config;
}

Json in_tree(Json job) {
  job["image"] = "tree";
  return job;
}

}  // namespace

TEST_CASE("a waiting python that is killed costs no job anything", "[threat:lost-as-success]") {
  for (const auto& victims_of : {interpreters, first_processes, sandbox_launchers}) {
    Instance cordon(with_prestarted());
    REQUIRE(await_waiting(cordon, warm_min, "python"));
    REQUIRE(await_waiting(cordon));
    const auto victims = victims_of(cordon);
    REQUIRE(victims.size() >= warm_min);
    for (const auto pid : victims) ::kill(pid, SIGKILL);
    for (std::size_t i = 0; i < warm_max + 1; ++i) {
      const auto job = cordon.run(says);
      CHECK(job.at("outcome") == exited_well);
      CHECK(job.at("stdout") == "once\n");
    }
    CHECK(eventually([&] { return !any_alive(victims); }));
    CHECK(run_prestarted(cordon, says).at("stdout") == "once\n");
  }
}

TEST_CASE("a python that dies just as a job is given to it leaves that job to another sandbox, and it runs once",
          "[threat:lost-as-success]") {
  for (const auto& victims_of : {interpreters, first_processes, sandbox_launchers}) {
    Instance cordon(with_prestarted());
    REQUIRE(await_waiting(cordon, warm_min, "python"));
    REQUIRE(await_waiting(cordon));
    const auto launchers = sandbox_launchers(cordon);
    const auto victims = victims_of(cordon);
    for (const auto pid : launchers) ::kill(pid, SIGSTOP);  // none reads the order before its sandbox is dead
    auto job = says;
    job["timings"] = true;
    const auto id = cordon.submit(job).at("id").get<std::string>();
    REQUIRE(eventually([&] { return hits(cordon) == 1; }));
    for (const auto pid : victims) ::kill(pid, SIGKILL);
    for (const auto pid : launchers) ::kill(pid, SIGCONT);
    const auto ended = cordon.finished(id);
    INFO(cordon.logs());
    CHECK(ended.at("outcome") == exited_well);
    CHECK(ended.at("stdout") == "once\n");
    CHECK(run_prestarted(cordon, says).at("stdout") == "once\n");
  }
}

TEST_CASE("the kill switch ends a job that a waiting python took, and none starts while it is engaged",
          "[threat:kill-latch]") {
  Instance cordon(with_prestarted());
  for (const std::string scope : {"all", "profile/default"}) {
    REQUIRE(await_waiting(cordon, warm_min, "python"));  // decided about before the switch
    const auto victim = submit_prestarted(cordon, sleeper);
    REQUIRE(await_waiting(cordon, 1, "python"));
    const auto before = hits(cordon);
    const auto receipt = engage(cordon, scope).json();
    CHECK(receipt.at("killed") == Json::array({victim}));
    CHECK(receipt.at("survivors") == 0);
    CHECK(cordon.finished(victim).at("outcome").at("kind") == "killed");
    CHECK(cordon.post(says).status == 403);
    CHECK(hits(cordon) == before);
    REQUIRE(call(cordon.operator_socket(), {.method = "DELETE", .target = "/v1/kill/" + scope}).status == 200);
    CHECK(run_prestarted(cordon, says).at("stdout") == "once\n");
  }
}

TEST_CASE("a job in a python that waited is cancelled, and ends with cordond, as any other", "[threat:leaks]") {
  Instance cordon(with_prestarted());
  const auto cancelled = submit_prestarted(cordon, sleeper);
  CHECK(cordon.remove("/v1/jobs/" + cancelled).status == 200);
  CHECK(cordon.finished(cancelled).at("outcome").at("kind") == "cancelled");
  for (const int how : {SIGTERM, SIGKILL}) {
    const auto lost = submit_prestarted(cordon, sleeper);
    REQUIRE(await_waiting(cordon, 1, "python"));
    const auto all = interpreters(cordon);
    REQUIRE(all.size() >= 2);
    cordon.daemon().signal(how);
    REQUIRE(cordon.daemon().wait(std::chrono::seconds(20)));
    CHECK(eventually([&] { return job_processes(cordon.whose()).empty(); }));
    CHECK(eventually([&] { return !any_alive(all); }));
    cordon.start_daemon();
    CHECK(run_prestarted(cordon, says).at("stdout") == "once\n");
  }
  REQUIRE(await_waiting(cordon, 1, "python"));
  const auto old = interpreters(cordon);
  cordon.restart_launcher();
  CHECK(eventually([&] { return !any_alive(old); }));
  CHECK(run_prestarted(cordon, says).at("stdout") == "once\n");
}

TEST_CASE("a python that was started for a profile as it was is gone when it has changed", "[threat:replay]") {
  Instance cordon(with_prestarted());
  REQUIRE(await_waiting(cordon, warm_min, "python"));
  const auto outdated = interpreters(cordon);
  const auto path = cordon.directory() + "/profiles/default.json";
  auto profile = Json::parse(read_text(path), nullptr, true, true);
  profile["env"]["EDITION"] = "second";
  std::ofstream(path) << profile.dump();
  REQUIRE(call(cordon.operator_socket(), {.method = "POST", .target = "/v1/reload"}).status == 200);
  const Json tells{{"argv", {"python3", "-c", "import os; print(os.environ['EDITION'])"}}};
  CHECK(cordon.run(tells).at("stdout") == "second\n");
  CHECK(run_prestarted(cordon, tells).at("stdout") == "second\n");
  CHECK(eventually([&] { return !any_alive(outdated); }));
}

TEST_CASE("what stands as python in an image and cannot wait is told of once, and jobs go on without") {
  for (const std::string manner : {"exits", "rubbish", "wrong word", "declines", "exits while it waits",
                                   "speaks while it waits", "speaks from a child at its start"}) {
    INFO(manner);
    const auto tree = false_image(manner);
    const Instance cordon(with_image(tree));
    REQUIRE(await_waiting(cordon));
    REQUIRE(eventually([&] { return failures_told(cordon) > 0; }));
    for (int i = 0; i < 4; ++i) CHECK(plain(cordon, in_tree(says)).at("stdout") == "started for the job\n");
    CHECK(failures_told(cordon) == 1);
    CHECK(await_waiting(cordon));
  }
}

TEST_CASE("what waits as python in an image and then does not take its job costs a cold start",
          "[threat:lost-as-success]") {
  for (const std::string manner : {"exits at the job", "rubbish at the job", "ready again at the job",
                                   "silent at the job", "speaks from a child", "fails with half a character"}) {
    INFO(manner);
    const auto tree = false_image(manner);
    const Instance cordon(with_image(tree));
    REQUIRE(await_waiting(cordon, 1, "python"));
    const auto job = plain(cordon, in_tree(says));
    CHECK(job.at("stdout") == "started for the job\n");
    CHECK(job.at("warm") == false);
    CHECK(hits(cordon) == 1);
    CHECK(failures_told(cordon) == 1);
  }
}

TEST_CASE("what is not ready in time to wait as python is told of with its name and what may hang it") {
  for (const std::string manner : {"is never ready", "fills the pipe"}) {
    INFO(manner);
    const auto tree = false_image(manner);
    const Instance cordon(with_image(tree));
    const auto begun = std::chrono::steady_clock::now();
    REQUIRE(eventually([&] { return failures_told(cordon) > 0; }, std::chrono::seconds(20)));
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(15));  // not what a sandbox may take
    CHECK(cordon.logs().find("start the interpreter that waits") != std::string::npos);
    CHECK(cordon.logs().find("tree, python") != std::string::npos);
    CHECK(plain(cordon, in_tree(says)).at("stdout") == "started for the job\n");
  }
}

TEST_CASE("a python whose start has left a process takes no job, which runs in another sandbox", "[threat:bombs]") {
  const auto tree = false_image("leaves a child");
  const Instance cordon(with_image(tree));
  REQUIRE(await_waiting(cordon, 1, "python"));
  CHECK(plain(cordon, in_tree(says)).at("stdout") == "started for the job\n");
  CHECK(declined(cordon) == 1);
  CHECK(failures_told(cordon) == 0);
}

TEST_CASE("what a python wrote at its start is told by none but the job that it takes") {
  const auto tree = false_image("writes and declines the job");
  const Instance cordon(with_image(tree));
  REQUIRE(await_waiting(cordon, 1, "python"));
  const auto job = plain(cordon, in_tree(says));
  CHECK(job.at("stdout") == "started for the job\n");
  CHECK(job.at("stdout_bytes") == 20);
  CHECK(declined(cordon) == 1);
}

TEST_CASE("pythons that decline every job are told of once, and are not started for each") {
  const auto tree = false_image("writes and declines the job");
  const Instance cordon(with_image(tree));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(await_waiting(cordon, 1, "python"));
    CHECK(plain(cordon, in_tree(says)).at("stdout") == "started for the job\n");
  }
  CHECK(failures_told(cordon) == 1);
  CHECK(cordon.logs().find("no job is taken") != std::string::npos);
  for (int i = 0; i < 6; ++i) CHECK(plain(cordon, in_tree(says)).at("stdout") == "started for the job\n");
  CHECK(failures_told(cordon) == 1);
}

TEST_CASE("only the image that the administrator named has interpreters that wait", "[threat:kill-latch]") {
  ImageTree tree;
  tree.program("usr/bin/python3", "false_interpreter", 0755);
  tree.file("manner", "silent at the job");
  auto config = with_image(tree);
  config["warm"]["default"]["image"] = "host";
  const Instance cordon(config);
  REQUIRE(await_waiting(cordon, warm_min, "python"));
  for (int i = 0; i < 4; ++i) CHECK(plain(cordon, in_tree(says)).at("stdout") == "started for the job\n");
  const auto info = cordon.get("/v1/info").json();
  for (const auto& kind : info.at("warm")) CHECK((kind.at("image") == "host" || kind.at("prestart").is_null()));
  CHECK(cordon.run(says).at("stdout") == "once\n");
  CHECK(hits(cordon) == 1);
}

TEST_CASE("an image without the interpreter has none that wait, and its jobs are run all the same") {
  ImageTree tree;
  tree.program("use_image", "use_image", 0755);
  const Instance cordon(with_image(tree));
  REQUIRE(await_waiting(cordon));
  REQUIRE(eventually([&] { return failures_told(cordon) > 0; }));
  const auto job = cordon.run(in_tree(says));
  CHECK(job.at("outcome").at("code") == 127);
  CHECK(waiting(cordon, "python") == 0);
  CHECK(failures_told(cordon) == 1);
}
