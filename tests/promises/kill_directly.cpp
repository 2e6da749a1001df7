// Promise (api.md, "Kill switch" and "Command line"; issue "Supervision", 6): `cordon kill --all` works as root when
// cordond hangs or is dead, and says so; the launcher looks at the latch itself; the drill proves it and harms nobody.
#include <sys/mount.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/promises/instance.hpp"
#include "tests/promises/launcher_line.hpp"

using namespace cordon::test;

namespace {

const Json sleeper{{"argv", Json::array({"sleep", "60"})}, {"limits", {{"wall_ms", 60'000}}}};

struct Ended {
  int code = -1;
  std::string output;  // both streams
  Json json() const { return Json::parse(output); }
};

Ended command(const Instance& cordon, std::vector<std::string> words) {
  std::vector<std::string> all{CORDON_BIN_DIR "/cordon", "--runtime-dir", cordon.runtime_dir()};
  all.insert(all.end(), words.begin(), words.end());
  const auto log = cordon.directory() + "/cli.log";
  std::filesystem::remove(log);
  Process process(all, log, false);
  const auto status = process.wait(std::chrono::seconds(60));
  REQUIRE(status);
  return {WIFEXITED(*status) ? WEXITSTATUS(*status) : -1, read_text(log)};
}

Ended kill_all(const Instance& cordon) {
  return command(cordon, {"kill", "--all", "--json", "--reason", "emergency"});
}

std::string started(const Instance& cordon, const Json& job) {
  const auto id = cordon.submit(job).at("id").get<std::string>();
  REQUIRE(eventually([&] { return !cordon.get("/v1/jobs/" + id).json().at("started_at").is_null(); }));
  return id;
}

Json engaged(const Instance& cordon) {
  return call(cordon.operator_socket(), {.target = "/v1/kill"}).json().at("engaged");
}

Json list_of(const std::set<std::string>& ids) {
  return Json(ids);
}

}  // namespace

TEST_CASE("cordon kill goes through cordond while that answers, and release lets in again", "[threat:kill-latch]") {
  const Instance cordon;
  const auto id = started(cordon, sleeper);
  const auto ended = kill_all(cordon);
  INFO(ended.output);
  CHECK(ended.code == 0);
  CHECK(ended.json().at("way") == "cordond");
  CHECK(ended.json().at("killed") == Json::array({id}));
  CHECK(command(cordon, {"kill", "--list"}).output.find("emergency") != std::string::npos);
  CHECK(command(cordon, {"run", "--", "true"}).code == 125);
  CHECK(command(cordon, {"release", "--all"}).code == 0);
  CHECK(command(cordon, {"run", "--", "true"}).code == 0);
  CHECK(command(cordon, {"release", "--all"}).code == 1);
  const auto other = started(cordon, sleeper);
  const auto text = command(cordon, {"kill", "--job", other, "--reason", "one"});
  CHECK(text.code == 0);
  CHECK(text.output.find("killed      1") != std::string::npos);
  for (const auto& wrong : std::vector<std::vector<std::string>>{
           {"kill", "--reason", "x"}, {"kill", "--all"}, {"kill", "--all", "--job", "x", "--reason", "x"}})
    CHECK(command(cordon, wrong).code == 1);
}

TEST_CASE("cordon kill --all as root kills without a cordond that hangs, whose jobs then say by whom they were killed",
          "[threat:kill-latch]") {
  Instance cordon;
  const std::set<std::string> ids{started(cordon, sleeper), started(cordon, probe("fork_bomb"))};
  cordon.daemon().signal(SIGSTOP);
  const auto ended = kill_all(cordon);
  const auto left = job_processes(cordon.whose());
  cordon.daemon().signal(SIGCONT);
  INFO(ended.output);
  CHECK(left.empty());
  CHECK(ended.code == 0);
  const auto receipt = ended.json();
  CHECK(receipt.at("way") == "direct");
  CHECK(list_of(receipt.at("killed").get<std::set<std::string>>()) == list_of(ids));
  CHECK(receipt.at("survivors") == 0);
  CHECK(receipt.at("persisted") == true);
  for (const auto& id : ids) {
    const Json expected{{"kind", "killed"}, {"scope", "all"}, {"by", "uid:0"}, {"reason", "emergency"}};
    CHECK(cordon.finished(id).at("outcome") == expected);
  }
  CHECK(cordon.post(sleeper).status == 403);
  CHECK(call(cordon.operator_socket(), {.method = "DELETE", .target = "/v1/kill/all"}).status == 409);
  CHECK(engaged(cordon).at(0).at("stop_all") == true);
  CHECK(command(cordon, {"release", "--all"}).code == 0);
  CHECK(engaged(cordon).empty());
  CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome").at("code") == 0);
}

TEST_CASE("root's stop-all is engaged with a dead cordond, and still when cordond and launcher start anew",
          "[threat:kill-latch]") {
  Instance cordon;
  started(cordon, sleeper);
  cordon.daemon().signal(SIGKILL);
  cordon.daemon().wait(std::chrono::seconds(5));
  const auto ended = kill_all(cordon);
  INFO(ended.output);
  CHECK(ended.code == 0);
  CHECK(ended.json().at("way") == "direct");
  CHECK(job_processes(cordon.whose()).empty());
  std::filesystem::remove(cordon.runtime_dir() + "/stop-all");  // as after a reboot
  cordon.restart_launcher();
  cordon.start_daemon();
  CHECK(cordon.post(sleeper).status == 403);
  CHECK(command(cordon, {"release", "--all"}).code == 0);
  CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome").at("code") == 0);
}

TEST_CASE("without a disk to write to cordon kill --all kills, and says that a restart would forget it",
          "[threat:kill-latch]") {
  Instance cordon;
  const auto id = started(cordon, sleeper);
  const auto state = cordon.directory() + "/state";
  REQUIRE(::mount(state.c_str(), state.c_str(), nullptr, MS_BIND, nullptr) == 0);
  REQUIRE(::mount(nullptr, state.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0);
  cordon.daemon().signal(SIGSTOP);
  const auto ended = kill_all(cordon);
  cordon.daemon().signal(SIGCONT);
  ::umount2(state.c_str(), MNT_DETACH);
  INFO(ended.output);
  CHECK(ended.code == 0);
  CHECK(ended.json().at("killed") == Json::array({id}));
  CHECK(ended.json().at("persisted") == false);
  CHECK(ended.json().at("not_persisted").get<std::string>().find("Read-only") != std::string::npos);
  CHECK(cordon.post(sleeper).status == 403);
  CHECK(command(cordon, {"release", "--all"}).code == 0);
}

TEST_CASE("a file that cordond could have written leads root's kill nowhere", "[threat:kill-latch]") {
  Instance cordon;
  const auto id = started(cordon, sleeper);
  const auto file = cordon.runtime_dir() + "/launcher.env";
  const auto text = read_text(file);
  const auto daemon_uid = cordon.whose().first_uid - 16;
  std::filesystem::remove(file);
  std::ofstream(file) << "JOBS_CGROUP=/sys/fs/cgroup\nSTATE_DIR=/etc\n";
  REQUIRE(::chown(file.c_str(), daemon_uid, daemon_uid) == 0);
  cordon.daemon().signal(SIGSTOP);
  const auto ended = kill_all(cordon);
  cordon.daemon().signal(SIGCONT);
  CHECK(ended.code == 1);
  CHECK(ended.output.find("only root can write") != std::string::npos);
  CHECK(!std::filesystem::exists("/etc/stop-all"));
  CHECK(cordon.get("/v1/jobs/" + id).json().at("state") == "running");
}

TEST_CASE(
    "the launcher executes no tool that was decided under another generation than the latch's, nor under root's "
    "stop-all",
    "[threat:kill-latch]") {
  Instance cordon;
  cordon.daemon().end(std::chrono::seconds(10));
  {
    LauncherLine line(cordon);
    const std::vector<std::string> tool{"true"};
    CHECK(std::holds_alternative<cordon::SetupFailed>(line.run(0, tool)));  // what nobody has set fits nobody
    line.set_generation(5);
    CHECK(std::holds_alternative<cordon::Stale>(line.run(4, tool)));
    CHECK(std::holds_alternative<cordon::Stale>(line.run(6, tool)));
    CHECK(line.run(5, tool) == cordon::Ending(cordon::Exited{0}));
    CHECK(::ftruncate(line.page().get(), 0) < 0);
    const auto word = cordon.directory() + "/state/stop-all";
    std::ofstream(word) << "BY=uid:0\nREASON=by hand\n";
    CHECK(line.run(5, tool) == cordon::Ending(cordon::Stopped{"uid:0", "by hand"}));
    std::filesystem::remove(word);
    CHECK(line.run(5, tool) == cordon::Ending(cordon::Exited{0}));
  }
  cordon.start_daemon();
}

TEST_CASE("a launcher that is started anew starts nothing until cordond has greeted it, and then what is asked",
          "[threat:kill-latch]") {
  Instance cordon;
  REQUIRE(call(cordon.operator_socket(), {.method = "PUT",
                                          .target = "/v1/kill/tenant/other",
                                          .body = R"({"reason": "x"})",
                                          .headers = {"Content-Type: application/json"}})
              .status == 200);
  cordon.restart_launcher();
  CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome").at("code") == 0);
}

TEST_CASE("the drill proves the kill switch, touches no other job, and leaves nothing engaged", "[threat:kill-latch]") {
  const Instance cordon;
  const auto other = started(cordon, sleeper);
  const auto drill = command(cordon, {"kill", "--drill"});
  INFO(drill.output);
  CHECK(drill.code == 0);
  CHECK(drill.output.find("3 canaries killed, 0 survivors") != std::string::npos);
  CHECK(cordon.get("/v1/jobs/" + other).json().at("state") == "running");
  CHECK(engaged(cordon).empty());
  CHECK(command(cordon, {"kill", "--drill", "--profile", "none"}).code == 1);
  CHECK(engaged(cordon).empty());
  // Midway: the canaries run, and nothing more is let in.
  CHECK(command(cordon, {"kill", "--profile", "strict", "--reason", "x"}).code == 0);
  CHECK(command(cordon, {"kill", "--drill", "--profile", "strict"}).code == 1);
  CHECK(engaged(cordon).size() == 1);
  CHECK(command(cordon, {"release", "--profile", "strict"}).code == 0);
}

TEST_CASE("a drill that fails midway ends its canaries and leaves nothing engaged", "[threat:kill-latch]") {
  const Instance cordon(Json{{"max_running", 1}});  // its second canary never starts
  const auto drill = command(cordon, {"kill", "--drill"});
  INFO(drill.output);
  CHECK(drill.code == 1);
  CHECK(drill.output.find("was not running") != std::string::npos);
  CHECK(engaged(cordon).empty());
  CHECK(eventually([&] { return job_processes(cordon.whose()).empty(); }));
  const auto jobs = call(cordon.operator_socket(), {.target = "/v1/jobs"}).json().at("jobs");
  for (const auto& job : jobs) CHECK(job.at("outcome").at("kind") == "cancelled");
}
