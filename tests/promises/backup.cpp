// Promise (docs/operations.md, "Backup and restore"): the commands of that page, line by line, bring back jobs, kill
// switch and evidence; and nobody restores an older state unnoticed.
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

// The shell blocks of the page's section, in its order.
std::vector<std::string> blocks_of_the_page() {
  const auto page = read_text(CORDON_SOURCE_DIR "/docs/operations.md");
  const auto begin = page.find("## Backup and restore"), end = page.find("\n## ", begin + 1);
  std::vector<std::string> blocks;
  for (auto at = page.find("```sh\n", begin); at < end; at = page.find("```sh\n", at)) {
    at += std::string("```sh\n").size();
    blocks.push_back(page.substr(at, page.find("```", at) - at));
  }
  REQUIRE(blocks.size() == 5);
  return blocks;
}
enum Block { stopped_copy, running_copy, restore, restore_running_copy, begin_again };

std::string with_all(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

// A private instance, as the commands of the page see it: what they name of the installed one is its own.
class Host {
 public:
  explicit Host(const std::string& backup = "backup") : backup_(cordon_.directory() + "/" + backup) {}

  Instance& cordon() { return cordon_; }
  std::string state() const { return cordon_.directory() + "/state"; }

  void type(Block block) {
    std::istringstream lines(blocks_of_the_page().at(block));
    for (std::string line; std::getline(lines, line);) {
      if (line == "systemctl stop cordon.target") {
        stop();
      } else if (line == "systemctl start cordon.target") {
        start();
      } else {
        run(line);
      }
    }
  }
  std::string run(const std::string& line) {
    const auto log = cordon_.directory() + "/typed.log";
    fs::remove(log);
    Process process({"sh", "-c", translated(line)}, log, false);
    const auto status = process.wait(at_test_speed(60s));
    INFO(line << "\n" << read_text(log));
    REQUIRE(status);
    last_code_ = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    if (!may_fail_) REQUIRE(last_code_ == 0);
    return read_text(log);
  }
  // The exit code, for a command that may fail.
  int code_of(const std::string& line, std::string& output) {
    may_fail_ = true;
    output = run(line);
    may_fail_ = false;
    return last_code_;
  }
  // What somebody keeps elsewhere.
  std::string keep_checkpoint(const std::string& name) {
    std::string said;
    REQUIRE(eventually(
        [&] { return code_of("cordon evidence verify", said) == 0 && said.find(", 0 not yet") != std::string::npos; }));
    std::ofstream(cordon_.directory() + "/" + name) << run("cordon evidence checkpoint");
    return cordon_.directory() + "/" + name;
  }

 private:
  void stop() {
    for (auto* process : {&cordon_.daemon(), &cordon_.ledger(), &cordon_.launcher()}) REQUIRE(process->end(20s) == 0);
  }
  void start() {
    cordon_.restart_launcher();
    cordon_.start_ledger();
    cordon_.start_daemon();
  }
  std::string translated(const std::string& line) const {
    auto text = with_all(line, "/var/lib/cordon", state());
    text = with_all(text, " var/lib/cordon", " " + state().substr(1));
    text = with_all(text, " etc/cordon", " " + cordon_.directory().substr(1) + "/profiles");
    text = with_all(text, "=cordon/ledger", "=state/ledger");
    text = with_all(text, "/backup", backup_);
    if (text.starts_with("cordon "))
      text = CORDON_BIN_DIR "/cordon --runtime-dir " + cordon_.runtime_dir() + text.substr(6);
    return text;
  }

  Instance cordon_;
  std::string backup_;
  bool may_fail_ = false;
  int last_code_ = 0;
};

const std::vector<std::string> key{"Idempotency-Key: monthly"};

Json work() {
  return {{"argv", Json::array({"sh", "-c", "echo result; mkdir out; echo bytes >out/file; exit 3"})},
          {"collect", Json::array({"out/*"})},
          {"wait", true}};
}

std::string done_before(Host& host) {
  const auto answer = host.cordon().post(work(), key);
  REQUIRE(answer.status == 200);
  const auto engaged = call(host.cordon().operator_socket(),
                            {.method = "PUT", .target = "/v1/kill/profile/strict", .body = R"({"reason": "inquiry"})"});
  REQUIRE(engaged.status == 200);
  return answer.json().at("id");
}

int post_strict(Host& host) {
  return static_cast<int>(
      host.cordon().post({{"profile", "strict"}, {"argv", Json::array({"true"})}, {"wait", true}}).status);
}

void expect_all_of_it(Host& host, const std::string& job) {
  const auto& cordon = host.cordon();
  const auto told = cordon.get("/v1/jobs/" + job);
  REQUIRE(told.status == 200);
  CHECK(told.json().at("outcome") == Json({{"kind", "exited"}, {"code", 3}}));
  CHECK(told.json().at("stdout") == "result\n");
  CHECK(cordon.get("/v1/jobs/" + job + "/artifacts/out/file").body == "bytes\n");
  CHECK(cordon.post(work(), key).json().at("id") == job);
  CHECK(post_strict(host) == 403);
  CHECK(host.run("cordon kill --list").find("inquiry") != std::string::npos);
  CHECK(host.run("cordon evidence verify").find("whole") != std::string::npos);
  CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome").at("code") == 0);
}

}  // namespace

TEST_CASE(
    "a copy of a stopped Cordon brings back jobs, kill switch and evidence, and that it is older does not stay hidden",
    "[governed:evidence]") {
  Host host;
  const auto before = done_before(host);
  host.type(stopped_copy);
  CHECK(host.cordon().get("/v1/jobs/" + before).json().at("state") == "finished");
  const auto first = host.keep_checkpoint("first");

  REQUIRE(call(host.cordon().operator_socket(), {.method = "DELETE", .target = "/v1/kill/profile/strict"}).status ==
          200);
  CHECK(post_strict(host) == 200);
  const std::string after = host.cordon().run({{"argv", Json::array({"true"})}}).at("id");
  const auto second = host.keep_checkpoint("second");

  host.type(restore);
  host.type(begin_again);
  CHECK(host.cordon().get("/v1/jobs/" + after).status == 404);
  std::string said;
  CHECK(host.code_of("cordon evidence verify --checkpoint " + second, said) == 1);
  CHECK(said.find("rolled back") != std::string::npos);
  expect_all_of_it(host, before);

  // Grown again beyond what was there, it is another log still.
  for (int i = 0; i < 4; ++i) (void)host.cordon().run({{"argv", Json::array({"true"})}});
  (void)host.keep_checkpoint("third");
  CHECK(host.code_of("cordon evidence verify --checkpoint " + second, said) == 1);
  CHECK(said.find("checkpoint kept outside") != std::string::npos);
  fs::remove_all(host.state() + ".before");
}

TEST_CASE(
    "a copy of a Cordon that works meanwhile brings back jobs, kill switch and evidence, and tells what ran as lost") {
  Host host;
  const auto before = done_before(host);
  const std::string running =
      host.cordon().submit({{"argv", Json::array({"sleep", "60"})}, {"limits", {{"wall_ms", 10000}}}}).at("id");
  REQUIRE(host.cordon().reaches(running, "running"));
  for (int i = 0; i < 40; ++i) (void)host.cordon().submit({{"argv", Json::array({"true"})}});
  host.type(running_copy);

  host.type(restore);
  host.type(restore_running_copy);
  host.type(begin_again);
  CHECK(host.cordon().finished(running).at("outcome").at("kind") == "lost");
  expect_all_of_it(host, before);
  fs::remove_all(host.state() + ".before");
}
