// Promise (api.md, "Sockets and instances"): bad input gets a problem document that names what is wrong and where, and
// nothing is started.
#include <catch2/catch.hpp>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

void expect_problem(const Answer& answer, long status) {
  INFO(answer.body);
  CHECK(answer.status == status);
  REQUIRE(answer.headers.at("content-type").starts_with("application/problem+json"));
  const auto problem = answer.json();
  CHECK(problem.at("status") == status);
  for (const char* member : {"type", "title", "detail", "code", "remedy"}) {
    INFO(member);
    CHECK(problem.at(member).is_string());
  }
}

void expect_pointer(const Answer& answer, const std::string& pointer) {
  expect_problem(answer, 400);
  const auto errors = answer.json().at("errors");
  REQUIRE(!errors.empty());
  CHECK(errors[0].at("pointer") == pointer);
  CHECK(!errors[0].at("detail").get<std::string>().empty());
}

Answer post_text(const Instance& cordon, const std::string& text) {
  return cordon.request({.method = "POST", .target = "/v1/jobs", .body = text});
}

}  // namespace

TEST_CASE("a job that cannot be meant is refused with the pointer of what is wrong") {
  const Instance cordon;
  struct Case {
    const char* body;
    const char* pointer;
  };
  const Case cases[] = {
      {R"({})", "/argv"},
      {R"({"argv": []})", "/argv"},
      {R"({"argv": [""]})", "/argv/0"},
      {R"({"argv": ["true", 1]})", "/argv/1"},
      {R"({"argv": ["a\u0000b"]})", "/argv/0"},
      {R"({"argv": ["true"], "unknown": 1})", "/unknown"},
      {R"({"argv": ["true"], "profile": "nope"})", "/profile"},
      {R"({"argv": ["true"], "image": "nope"})", "/image"},
      {R"({"argv": ["true"], "limits": {"wat": 1}})", "/limits/wat"},
      {R"({"argv": ["true"], "limits": {"pids": 0}})", "/limits/pids"},
      {R"({"argv": ["true"], "limits": {"pids": -1}})", "/limits/pids"},
      {R"({"argv": ["true"], "limits": {"pids": 1.5}})", "/limits/pids"},
      {R"({"argv": ["true"], "limits": {"pids": "8"}})", "/limits/pids"},
      {R"({"argv": ["true"], "limits": {"memory_bytes": 1}})", "/limits/memory_bytes"},
      {R"({"argv": ["true"], "limits": {"memory_bytes": 9007199254740993}})", "/limits/memory_bytes"},
      {R"({"argv": ["true"], "limits": {"memory_bytes": 9223372036854775808}})", "/limits/memory_bytes"},
      {R"({"argv": ["true"], "limits": {"wall_ms": 1e308}})", "/limits/wall_ms"},
      {R"({"argv": ["true"], "limits": {"scratch_bytes": 0}})", "/limits/scratch_bytes"},
      {R"({"argv": ["true"], "limits": {"scratch_inodes": 0}})", "/limits/scratch_inodes"},
      {R"({"argv": ["true"], "files": [{"path": "../x", "content": ""}]})", "/files/0/path"},
      {R"({"argv": ["true"], "files": [{"path": "/etc/x", "content": ""}]})", "/files/0/path"},
      {R"({"argv": ["true"], "files": [{"path": "a/../../x", "content": ""}]})", "/files/0/path"},
      {R"({"argv": ["true"], "files": [{"path": "x", "content": "!", "encoding": "base64"}]})", "/files/0/content"},
      {R"({"argv": ["true"], "files": [{"path": "x", "content": "", "mode": "9999"}]})", "/files/0/mode"},
      {R"({"argv": ["true"], "collect": ["../*"]})", "/collect/0"},
      {R"({"argv": ["true"], "env": {"A=B": "x"}})", "/env/A=B"},
      {R"({"argv": ["true"], "on_output_limit": "maybe"})", "/on_output_limit"},
      {R"({"language": "cobol", "code": "x"})", "/language"},
      {R"({"argv": ["true"], "cwd": "/etc"})", "/cwd"},
  };
  for (const auto& [body, pointer] : cases) {
    INFO(body);
    expect_pointer(post_text(cordon, body), pointer);
  }
  CHECK(cordon.get("/v1/jobs").json().at("jobs").empty());
}

TEST_CASE("a limit above the profile's ceiling is refused and not clamped", "[threat:limit-wrap]") {
  const Instance cordon;
  expect_pointer(post_text(cordon, R"({"argv": ["true"], "limits": {"wall_ms": 86400000}})"), "/limits/wall_ms");
}

TEST_CASE("scratch and what stands beside it must fit in the memory limit", "[threat:limit-wrap]") {
  const Instance cordon;
  const auto answer =
      post_text(cordon, R"({"argv": ["true"], "limits": {"memory_bytes": 67108864, "scratch_bytes": 67108864}})");
  expect_problem(answer, 400);
}

TEST_CASE("text that is not strict JSON is refused before anything is made of it", "[threat:hostile-json]") {
  const Instance cordon;
  std::string deep = R"({"argv": ["true"], "labels": )";
  for (int i = 0; i < 40; ++i) deep += R"({"a": )";
  deep += "1" + std::string(41, '}');
  for (const std::string& body :
       {std::string("{"), std::string("null"), std::string("[]"), std::string("{\"argv\": [\"\xff\"]}"),
        std::string(R"({"argv": ["true"], "argv": ["false"]})"), std::string(R"({"argv": ["true"]} x)"),
        std::string(R"({"argv": ["true"],})"), deep}) {
    INFO(body);
    expect_problem(post_text(cordon, body), 400);
  }
}

TEST_CASE("wrong methods, paths and media types are refused as HTTP says") {
  const Instance cordon;
  expect_problem(cordon.get("/v1/nothing"), 404);
  expect_problem(cordon.get("/v1/jobs/0192f0c4-0000-7000-8000-000000000000"), 404);
  const auto method = cordon.request({.method = "PATCH", .target = "/v1/jobs"});
  expect_problem(method, 405);
  CHECK(method.headers.at("allow").find("POST") != std::string::npos);
  expect_problem(cordon.request({.method = "POST",
                                 .target = "/v1/jobs",
                                 .body = R"({"argv": ["true"]})",
                                 .headers = {"Content-Type: text/plain"}}),
                 415);
}

TEST_CASE("a body of 64 MiB is refused with 413 and closes the connection", "[threat:slow-clients]") {
  const Instance cordon;
  const auto answer = post_text(cordon, std::string(std::size_t{64} << 20, ' '));
  CHECK(answer.status == 413);
  CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome").at("kind") == "exited");
}

TEST_CASE("a refused request leaves its connection usable") {
  const Instance cordon;
  const auto connection = connect_to(cordon.agent_socket());
  const std::string bad = R"({"argv": []})";
  send_all(connection.get(), "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
                                 std::to_string(bad.size()) + "\r\n\r\n" + bad +
                                 "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto answers = receive_all(connection.get(), std::chrono::seconds(5));
  CHECK(answers.starts_with("HTTP/1.1 400"));
  CHECK(answers.find("HTTP/1.1 200") != std::string::npos);
}

TEST_CASE("framing that could be read in two ways is refused and closes the connection", "[threat:smuggling]") {
  const Instance cordon;
  for (const std::string head :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5", "Content-Length: +5", "Content-Length : 5", "Transfer-Encoding: chunked, identity"}) {
    INFO(head);
    const auto connection = connect_to(cordon.agent_socket());
    send_all(connection.get(), "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + head +
                                   "\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto answers = receive_all(connection.get(), std::chrono::seconds(5));
    CHECK(answers.starts_with("HTTP/1.1 400"));
    CHECK(answers.find("HTTP/1.1 200") == std::string::npos);
  }
}

TEST_CASE("a command that does not exist is exit code 127 with the reason, as a shell would have it") {
  const Instance cordon;
  const auto missing = cordon.run({{"argv", Json::array({"no-such-command"})}}).at("outcome");
  INFO(missing.dump());
  CHECK(missing.at("kind") == "exited");
  CHECK(missing.at("code") == 127);
  CHECK(missing.at("error").contains("step"));
  const auto directory = cordon.run({{"argv", Json::array({"/usr"})}}).at("outcome");
  CHECK(directory.at("code") == 126);
}

TEST_CASE("more variables than a sandbox takes with those of its profile are refused and not a failed set-up") {
  const Instance cordon;
  Json env = Json::object();
  for (int i = 0; i < 4096; ++i) env["N" + std::to_string(i)] = "";
  expect_pointer(cordon.post({{"argv", Json::array({"true"})}, {"env", env}}), "/env");
}

TEST_CASE("what a call does not take is refused and not passed over") {
  const Instance cordon;
  const auto as_operator = [&](const std::string& method, const std::string& target, const std::string& body = "",
                               std::vector<std::string> headers = {}) {
    return call(cordon.operator_socket(), {.method = method, .target = target, .body = body, .headers = headers});
  };
  expect_problem(as_operator("GET", "/v1/jobs?state%20limit=1"), 400);  // no parameter has a space in its name
  expect_pointer(as_operator("POST", "/v1/reload", R"({"dry_run": true})"), "/dry_run");
  expect_pointer(as_operator("DELETE", "/v1/contexts/nobody", R"({"task": "T-1"})"), "/task");
  CHECK(as_operator("POST", "/v1/reload", "{}").status == 200);
  const std::string bad_key = "Idempotency-Key: with spaces";
  CHECK(as_operator("POST", "/v1/tools/none/health", "", {bad_key}).json().at("code") == "invalid_idempotency_key");
}

TEST_CASE("a statement of what is no job is refused without the ledger, which goes on") {
  const Instance cordon;
  for (const auto& id : {std::string("nope"), std::string(60000, 'x')})
    expect_problem(call(cordon.operator_socket(), {.target = "/v1/evidence/jobs/" + id + "/statement?entries=0"}), 404);
  CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome_on_record") == true);
  CHECK(cordon.logs().find("ledger_away") == std::string::npos);
}
