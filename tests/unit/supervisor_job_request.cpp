#include <catch2/catch.hpp>
#include <ctime>

#include "supervisor/jobs/job_request.hpp"

using namespace cordon;

namespace {

struct Bad {
  const char* body;
  const char* pointer;
};

std::string pointers(const Rejection& rejection) {
  std::string all;
  for (const auto& e : rejection.errors) all += (all.empty() ? "" : " ") + e.pointer;
  return all;
}

}  // namespace

TEST_CASE("the smallest request is an argv, and everything else has its default") {
  const auto job = parse_job_request(R"({"argv": ["true"]})");
  REQUIRE(job);
  CHECK(job->profile == "default");
  CHECK(job->image == "host");
  CHECK(job->cwd == ".");
  CHECK(job->argv == std::vector<std::string>{"true"});
  CHECK_FALSE(job->wait);
  CHECK_FALSE(job->timings);
  CHECK(job->on_output_limit == OnOutputLimit::truncate);
  CHECK(job->limits == Json::object());
}

TEST_CASE("every field of the contract is read") {
  const auto job = parse_job_request(R"({
    "profile": "strict", "image": "debian", "argv": ["a", ""], "cwd": "src", "stdin": "aGk=", "stdin_encoding": "base64",
    "env": {"A_1": "x=y"}, "files": [{"path": "d/f", "content": "", "encoding": "utf8", "mode": "0755"},
      {"path": "m", "artifact": {"job": "01920000-0000-7000-8000-000000000000", "path": "o/m"}, "mode": "600"}],
    "collect": ["out/*", "**"], "limits": {"pids": 3}, "on_output_limit": "kill", "labels": {"task": "T"},
    "timings": true, "wait": true})");
  REQUIRE(job);
  CHECK(job->profile == "strict");
  CHECK(job->image == "debian");
  CHECK(job->stdin_bytes == "hi");
  CHECK(job->env.at("A_1") == "x=y");
  REQUIRE(job->files.size() == 2);
  CHECK(job->files[0].mode == 0755);
  CHECK(job->files[1].mode == 0600);
  CHECK(job->files[1].artifact->path == "o/m");
  CHECK(job->collect.size() == 2);
  CHECK(job->limits.at("pids") == 3);
  CHECK(job->on_output_limit == OnOutputLimit::kill);
  CHECK(job->labels.at("task") == "T");
  CHECK(job->timings);
  CHECK(job->wait);
}

TEST_CASE("a language with its code stands for argv") {
  const auto job = parse_job_request(R"({"language": "python", "code": ""})");
  REQUIRE(job);
  CHECK(job->language == "python");
  CHECK(job->argv.empty());
}

TEST_CASE("bad requests name where they are wrong") {
  const auto bad = GENERATE(
      Bad{R"({})", "/argv"}, Bad{R"([])", ""}, Bad{R"({"argv": []})", "/argv"}, Bad{R"({"argv": "ls"})", "/argv"},
      Bad{R"({"argv": [""]})", "/argv/0"}, Bad{R"({"argv": ["a", 1]})", "/argv/1"},
      Bad{R"({"argv": ["a"], "extra": 1})", "/extra"},
      Bad{R"({"argv": ["a"], "language": "c", "code": ""})", "/language"},
      Bad{R"({"argv": ["a"], "code": ""})", "/code"}, Bad{R"({"language": "c"})", "/code"},
      Bad{R"({"code": "x"})", "/language"}, Bad{R"({"argv": ["a"], "cwd": "/tmp"})", "/cwd"},
      Bad{R"({"argv": ["a"], "cwd": "../x"})", "/cwd"}, Bad{R"({"argv": ["a"], "cwd": ""})", "/cwd"},
      Bad{R"({"argv": ["a"], "stdin": 1})", "/stdin"},
      Bad{R"({"argv": ["a"], "stdin": "x", "stdin_encoding": "base64"})", "/stdin"},
      Bad{R"({"argv": ["a"], "stdin_encoding": "hex"})", "/stdin_encoding"},
      Bad{R"({"argv": ["a"], "env": {"1A": ""}})", "/env/1A"},
      Bad{R"({"argv": ["a"], "env": {"A=B": ""}})", "/env/A=B"}, Bad{R"({"argv": ["a"], "env": {"A": 1}})", "/env/A"},
      Bad{R"({"argv": ["a"], "env": []})", "/env"},
      Bad{R"({"argv": ["a"], "files": [{"path": "/etc/x", "content": ""}]})", "/files/0/path"},
      Bad{R"({"argv": ["a"], "files": [{"path": "a/../b", "content": ""}]})", "/files/0/path"},
      Bad{R"({"argv": ["a"], "files": [{"path": "a", "content": "", "mode": "4755"}]})", "/files/0/mode"},
      Bad{R"({"argv": ["a"], "files": [{"path": "a", "content": "", "mode": "0788"}]})", "/files/0/mode"},
      Bad{R"({"argv": ["a"], "files": [{"path": "a", "content": "", "mode": 420}]})", "/files/0/mode"},
      Bad{R"({"argv": ["a"], "files": [{"path": "a"}]})", "/files/0/content"},
      Bad{R"({"argv": ["a"], "files": [{"content": ""}]})", "/files/0/path"},
      Bad{R"({"argv": ["a"], "files": [{"path": "a", "content": "!", "encoding": "base64"}]})", "/files/0/content"},
      Bad{R"({"argv": ["a"], "files": [{"path": "a", "content": "", "artifact": {"job": "x", "path": "y"}}]})",
          "/files/0/artifact/job /files/0/artifact"},
      Bad{R"({"argv": ["a"], "files": [{"path": "a", "content": ""}, {"path": "a", "content": ""}]})", "/files/1/path"},
      Bad{R"({"argv": ["a"], "files": [{"path": "a/b", "content": ""}, {"path": "a", "content": ""}]})",
          "/files/0/path"},
      Bad{R"({"argv": ["a"], "files": {}})", "/files"}, Bad{R"({"argv": ["a"], "files": [1]})", "/files/0"},
      Bad{R"({"argv": ["a"], "collect": ["/x"]})", "/collect/0"},
      Bad{R"({"argv": ["a"], "collect": ["a", "../*"]})", "/collect/1"},
      Bad{R"({"argv": ["a"], "on_output_limit": "stop"})", "/on_output_limit"},
      Bad{R"({"argv": ["a"], "labels": {"": "x"}})", "/labels/"},
      Bad{R"({"argv": ["a"], "labels": {"a": 1}})", "/labels/a"}, Bad{R"({"argv": ["a"], "wait": 1})", "/wait"},
      Bad{R"({"argv": ["a"], "timings": "yes"})", "/timings"}, Bad{R"({"argv": ["a"], "profile": 7})", "/profile"});
  INFO(bad.body);
  const auto job = parse_job_request(bad.body);
  REQUIRE_FALSE(job);
  CHECK(job.error().status == 400);
  CHECK(job.error().code == "invalid_input");
  CHECK(pointers(job.error()) == bad.pointer);
}

TEST_CASE("all that is wrong is said at once") {
  const auto job = parse_job_request(R"({"argv": [], "x": 1, "wait": 2})");
  REQUIRE_FALSE(job);
  CHECK(job.error().errors.size() == 3);
  CHECK(job.error().detail == "/argv must name a program (and 2 more)");
}

TEST_CASE("what is not JSON is refused before anything is read", "[threat:hostile-json]") {
  for (const char* body : {"", "{", "{\"argv\": [\"a\"], \"argv\": [\"b\"]}", "{\"argv\": [\"\\u0000\"]}",
                           "{\"argv\": [\"\xff\"]}", "nul"}) {
    const auto job = parse_job_request(body);
    REQUIRE_FALSE(job);
    CHECK(job.error().code == "invalid_json");
  }
}

TEST_CASE("a path that only shares its beginning with another is no conflict") {
  CHECK(parse_job_request(R"({"argv": ["a"], "files": [{"path": "a", "content": ""}, {"path": "a.txt", "content": ""},
      {"path": "a-b/c", "content": ""}, {"path": "b/c", "content": ""}, {"path": "b/d", "content": ""}]})"));
}

TEST_CASE("many deep paths are checked in no time") {
  std::string body = R"({"argv": ["a"], "files": [)";
  for (int i = 0; i < 2000; ++i) {
    std::string path = "d" + std::to_string(i);
    for (int depth = 0; depth < 1000; ++depth) path += "/x";
    body += (i == 0 ? "" : ",") + std::string(R"({"path": ")") + path + R"(", "content": ""})";
  }
  const auto begin = std::clock();  // processor time: a busy machine is no reason to fail
  CHECK(parse_job_request(body + "]}"));
  CHECK((std::clock() - begin) / CLOCKS_PER_SEC < 10);
}
