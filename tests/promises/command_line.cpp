// Promise (api.md, "Command line"): `cordon run` is the tool, as far as whoever called it can tell.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

struct Ended {
  int code = -1;
  std::string output;  // both streams
};

std::vector<std::string> command(const Instance& cordon, std::vector<std::string> words) {
  std::vector<std::string> all{CORDON_BIN_DIR "/cordon", "--runtime-dir", cordon.runtime_dir()};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Ended cordon_command(const Instance& cordon, std::vector<std::string> words) {
  const auto log = cordon.directory() + "/cli.log";
  std::filesystem::remove(log);
  Process process(command(cordon, std::move(words)), log, false);
  const auto status = process.wait(std::chrono::seconds(60));
  REQUIRE(status);
  return {WIFEXITED(*status) ? WEXITSTATUS(*status) : -1, read_text(log)};
}

}  // namespace

TEST_CASE("cordon run exits as the tool did") {
  const Instance cordon;
  struct Case {
    std::vector<std::string> words;
    int code;
    const char* says;
  };
  const Case cases[] = {
      {{"run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"}, 7, "err"},
      {{"run", "--", "no-such-command"}, 127, "could not be executed"},
      {{"run", "--", "sh", "-c", "kill -SEGV $$"}, 139, "signal 11"},
      {{"run", "--limit", "wall_ms=300", "--", "sleep", "60"}, 124, "timed out"},
      {{"run", "--limit", "memory_bytes=48Mi", "--limit", "scratch_bytes=1Mi", "--", "python3", "-c",
        "x=bytearray(1<<30)"},
       137,
       "out of memory"},
      {{"run", "--on-output-limit", "kill", "--limit", "output_bytes=100", "--", "yes"}, 153, "output_bytes"},
      {{"run", "--profile", "nope", "--", "true"}, 125, "/profile"},
  };
  for (const auto& [words, code, says] : cases) {
    const auto ended = cordon_command(cordon, words);
    INFO(words.back() << "\n" << ended.output);
    CHECK(ended.code == code);
    CHECK(ended.output.find(says) != std::string::npos);
  }
}

TEST_CASE("cordon run cancels its job when it is interrupted, and exits 130") {
  const Instance cordon;
  const auto log = cordon.directory() + "/cli.log";
  Process process(command(cordon, {"run", "--", "sh", "-c", "echo started; exec sleep 60"}), log, false);
  REQUIRE(eventually([&] { return read_text(log) == "started\n"; }));
  process.signal(SIGINT);
  const auto status = process.wait(std::chrono::seconds(10));
  REQUIRE(status);
  CHECK(WEXITSTATUS(*status) == 130);
  CHECK(cordon.get("/v1/jobs").json().at("jobs")[0].at("outcome").at("kind") == "cancelled");
}

TEST_CASE("cordon run takes files in and brings artifacts out") {
  const Instance cordon;
  std::ofstream(cordon.directory() + "/in.csv") << "1,2\n";
  const auto saved = cordon.directory() + "/saved";
  const auto ended =
      cordon_command(cordon, {"run", "--file", cordon.directory() + "/in.csv:data/in.csv", "--collect", "out/*",
                              "--output", saved, "--", "sh", "-c", "mkdir out; tr , ' ' <data/in.csv >out/result"});
  INFO(ended.output);
  CHECK(ended.code == 0);
  CHECK(read_text(saved + "/out/result") == "1 2\n");
}

TEST_CASE("ps, logs, show, cancel, profile and info answer about the instance") {
  const Instance cordon;
  const auto id =
      cordon.submit({{"argv", Json::array({"sh", "-c", "echo line; sleep 60"})}}).at("id").get<std::string>();
  REQUIRE(cordon.reaches(id, "running"));
  REQUIRE(eventually([&] { return cordon_command(cordon, {"logs", id}).output == "line\n"; }));
  CHECK(cordon_command(cordon, {"ps"}).output.find(id) != std::string::npos);
  CHECK(cordon_command(cordon, {"cancel", id}).output.find("cancelled") != std::string::npos);
  CHECK(cordon_command(cordon, {"ps"}).output.find(id) == std::string::npos);
  CHECK(cordon_command(cordon, {"ps", "--all"}).output.find("cancelled") != std::string::npos);
  CHECK(cordon_command(cordon, {"logs", "-f", id}).output == "line\n");
  CHECK(Json::parse(cordon_command(cordon, {"show", "--json", id}).output).at("id") == id);
  CHECK(cordon_command(cordon, {"profile", "list"}).output.find("strict") != std::string::npos);
  CHECK(Json::parse(cordon_command(cordon, {"profile", "show", "default"}).output).at("name") == "default");
  CHECK(cordon_command(cordon, {"profile", "check", cordon.directory() + "/profiles/default.json"}).code == 0);
  CHECK(Json::parse(cordon_command(cordon, {"info"}).output).contains("version"));
  CHECK(cordon_command(cordon, {"logs", "0192f0c4-0000-7000-8000-000000000000"}).code == 1);
}

TEST_CASE("a profile file with a mistake is told with its pointer, without a running Cordon") {
  const Instance cordon;
  const auto file = cordon.directory() + "/wrong.json";
  std::ofstream(file) << R"({"why": "x", "surprise": 1})";
  const auto ended = cordon_command(cordon, {"profile", "check", file});
  CHECK(ended.code == 1);
  CHECK(ended.output.find("/surprise") != std::string::npos);
}

TEST_CASE("without a Cordon the command says how to get one") {
  const Instance cordon;
  const auto ended = cordon_command(cordon, {"--runtime-dir", "/nonexistent", "ps"});
  CHECK(ended.code == 1);
  CHECK(ended.output.find("systemctl start cordond") != std::string::npos);
}
