// Promise (api.md, "Jobs"): how a job ended is told as it was, one kind of outcome for each way; partial output is
// kept.
#include <catch2/catch.hpp>
#include <csignal>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

Json shell(const std::string& script) {
  return {{"argv", Json::array({"bash", "-c", script})}};
}

}  // namespace

TEST_CASE("a job that ends well comes back with its output and what it used") {
  const Instance cordon;
  const auto job =
      cordon.run({{"argv", Json::array({"python3", "-c", "import sys; print(6*7); print('err', file=sys.stderr)"})}});
  INFO(job.dump(2));
  CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(job.at("stdout") == "42\n");
  CHECK(job.at("stdout_bytes") == 3);
  CHECK(job.at("stdout_truncated") == false);
  CHECK(job.at("stderr") == "err\n");
  CHECK(job.at("usage").at("wall_ms").get<double>() > 0);
  CHECK(job.at("usage").at("cpu_ms").get<double>() > 0);
  CHECK(job.at("profile") == "default");
  CHECK(job.at("profile_sha256").get<std::string>().size() == 64);
  for (const char* stamp : {"submitted_at", "started_at", "finished_at"}) CHECK(job.at(stamp).is_string());
}

TEST_CASE("an exit code comes back as it is") {
  const Instance cordon;
  for (const int code : {0, 1, 77, 126, 127, 255}) {
    CHECK(cordon.run(shell("exit " + std::to_string(code))).at("outcome") ==
          Json({{"kind", "exited"}, {"code", code}}));
  }
}

TEST_CASE("a tool that is ended by a signal is signalled, not exited") {
  const Instance cordon;
  for (const auto& [name, number] :
       {std::pair{"SEGV", SIGSEGV}, {"ABRT", SIGABRT}, {"TERM", SIGTERM}, {"KILL", SIGKILL}}) {
    const auto outcome = cordon.run(shell(std::string("kill -") + name + " $$")).at("outcome");
    INFO(outcome.dump());
    CHECK(outcome.at("kind") == "signalled");
    CHECK(outcome.at("signal") == number);
    CHECK(outcome.at("name") == std::string("SIG") + name);
  }
}

TEST_CASE("the wall limit ends a job within a second and keeps what it wrote", "[threat:wall-tricks]") {
  const Instance cordon;
  auto wish = shell("echo before; sleep 60; echo after");
  wish["limits"]["wall_ms"] = 500;
  const auto job = cordon.run(wish);
  CHECK(job.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "wall"}}));
  CHECK(job.at("stdout") == "before\n");
  CHECK(job.at("usage").at("wall_ms").get<double>() >= 500);
  CHECK(job.at("usage").at("wall_ms").get<double>() < 1500);
}

TEST_CASE("the cpu limit ends a job however many short children share the work", "[threat:cpu-hiding]") {
  const Instance cordon;
  for (const char* how : {"1", "4", "children"}) {
    auto wish = probe("cpu_spin", {how});
    wish["limits"] = {{"cpu_ms", 400}, {"wall_ms", 20000}};
    const auto job = cordon.run(wish);
    INFO(how << " " << job.at("usage").dump());
    CHECK(job.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "cpu"}}));
    CHECK(job.at("usage").at("cpu_ms").get<double>() >= 390);
    CHECK(job.at("usage").at("cpu_ms").get<double>() < 1400);
  }
}

TEST_CASE("output beyond the limit is cut and counted, or ends the job when that was asked for",
          "[threat:output-flood]") {
  const Instance cordon;
  auto wish = probe("output_flood", {"3000000"});
  wish["limits"]["output_bytes"] = 1000;
  const auto cut = cordon.run(wish);
  CHECK(cut.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(cut.at("stdout").get<std::string>().size() == 1000);
  CHECK(cut.at("stdout_bytes") == 3000000);
  CHECK(cut.at("stdout_truncated") == true);
  wish["on_output_limit"] = "kill";
  const auto killed = cordon.run(wish);
  CHECK(killed.at("outcome").at("kind") == "output_limit");
  CHECK(killed.at("stdout").get<std::string>().size() == 1000);
}

TEST_CASE("output is cut between characters and never within one") {
  const Instance cordon;
  auto wish = shell("printf 'aaa\\xe2\\x82\\xac'");
  wish["limits"]["output_bytes"] = 5;
  const auto job = cordon.run(wish);
  CHECK(job.at("stdout_encoding") == "utf8");
  CHECK(job.at("stdout") == "aaa");
  CHECK(job.at("stdout_truncated") == true);
}

TEST_CASE("output that is not text comes back byte for byte") {
  const Instance cordon;
  const auto job = cordon.run(shell("printf '\\xff\\x00\\x01'"));
  CHECK(job.at("stdout_encoding") == "base64");
  CHECK(job.at("stdout") == "/wAB");
  const auto id = job.at("id").get<std::string>();
  CHECK(cordon.get("/v1/jobs/" + id + "/stdout").body == std::string("\xff\x00\x01", 3));
}

TEST_CASE("a job can be cancelled, and the answer comes when its sandbox is gone") {
  const Instance cordon;
  const auto before = cordon.counts();
  const auto id = cordon.submit(shell("echo on; sleep 60")).at("id").get<std::string>();
  REQUIRE(cordon.reaches(id, "running"));
  REQUIRE(eventually([&] { return cordon.get("/v1/jobs/" + id + "/stdout").body == "on\n"; }));
  const auto answer = cordon.remove("/v1/jobs/" + id);
  CHECK(answer.status == 200);
  CHECK(answer.json().at("outcome").at("kind") == "cancelled");
  CHECK(job_processes(cordon.whose()).empty());
  CHECK(answer.json().at("stdout") == "on\n");
  CHECK(eventually([&] { return cordon.counts().processes == before.processes; }));
}

TEST_CASE("a tool that leaves children behind is over when it exits, and so are they", "[threat:cgroup-kill]") {
  const Instance cordon;
  const auto job = cordon.run(probe("leave_children"));
  CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(job.at("stdout") == "parent\n");
  CHECK(job.at("usage").at("wall_ms").get<double>() < 3000);
}

TEST_CASE("a job whose processes are all stopped is ended at its wall limit", "[threat:cgroup-kill]") {
  const Instance cordon;
  auto wish = probe("stop_itself");
  wish["limits"]["wall_ms"] = 500;
  CHECK(cordon.run(wish).at("outcome") == Json({{"kind", "timed_out"}, {"limit", "wall"}}));
}

TEST_CASE("code in a language runs where the profile offers it") {
  const Instance cordon;
  const std::pair<const char*, const char*> programs[] = {
      {"python", "print('hi')"},
      {"bash", "echo hi"},
      {"node", "console.log('hi')"},
      {"c", "#include <stdio.h>\nint main(void) { puts(\"hi\"); }"},
      {"cpp", "#include <iostream>\nint main() { std::cout << \"hi\\n\"; }"}};
  for (const auto& [language, code] : programs) {
    Json wish{{"language", language}, {"code", code}};
    if (language[0] == 'c') wish["profile"] = "compile";
    const auto job = cordon.run(wish);
    INFO(language << " " << job.at("stderr") << job.at("outcome").dump());
    CHECK(job.at("stdout") == "hi\n");
  }
}

TEST_CASE("standard input reaches the tool, and its end too") {
  const Instance cordon;
  CHECK(cordon.run({{"argv", Json::array({"cat"})}, {"stdin", "through"}}).at("stdout") == "through");
  CHECK(cordon.run({{"argv", Json::array({"wc", "-c"})}}).at("stdout") == "0\n");
}
