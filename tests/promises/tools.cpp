// Promise (issue "Governed tools", 1 and 2): a tool is called with typed input, as what it was approved as, under its
// own limits; what it answers is what it promised, or nothing.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "profiles/sha256.hpp"
#include "tests/promises/tool_shelf.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

const Json text_schema{{"type", "object"},
                       {"properties", {{"sum", {{"type", "integer"}}}}},
                       {"required", {"sum"}},
                       {"additionalProperties", false}};

std::size_t jobs(const Instance& cordon) {
  return cordon.get("/v1/jobs").json().at("jobs").size();
}

std::string code_of(const Answer& answer) {
  INFO(answer.body);
  return answer.json().value("code", "");
}

std::string digest(const Instance& cordon, const std::string& tool) {
  return cordon.get("/v1/tools/" + tool).json().at("sha256");
}

void kill_and_restart(Instance& cordon) {
  cordon.daemon().signal(SIGKILL);
  REQUIRE(cordon.daemon().wait(10s));
  cordon.start_daemon();
}

}  // namespace

TEST_CASE("no shell, no option and no other argument comes out of a value") {
  const ToolShelf shelf;
  shelf.put("echo", {{"argv", Json::array({"printf",
                                           "<%s>",
                                           {{"input", "/text"}},
                                           Json::array({"n=", {{"input", "/n"}, {"type", "integer"}}}),
                                           {{"each", "/list"}, {"optional", true}},
                                           {{"input", "/gone"}, {"optional", true}}})},
                     {"input", {{"type", "object"}}}});
  const Instance cordon(shelf.config());
  const auto job = called(cordon, "echo", {{"text", "a b;$(id)'\"*"}, {"n", -7.0}, {"list", {"x", "y z"}}});
  CHECK(job.at("stdout") == "<a b;$(id)'\"*><n=-7><x><y z>");
  CHECK(job.at("tool") == "echo");
  CHECK(job.at("call").at("input").at("n") == -7.0);
  const auto dashed = call_tool(cordon, "echo", {{"input", {{"text", "--help"}, {"n", 1}}}});
  CHECK(dashed.status == 400);
  CHECK(dashed.json().at("errors").at(0).at("pointer") == "/input/text");
  const auto typed = call_tool(cordon, "echo", {{"input", {{"text", "x"}, {"n", "1"}}}});
  CHECK(typed.json().at("errors").at(0).at("pointer") == "/input/n");
  CHECK(jobs(cordon) == 1);
}

TEST_CASE("an input that the schema does not take is 400 with pointers, and nothing is started") {
  const ToolShelf shelf;
  shelf.put("echo", {});
  const Instance cordon(shelf.config());
  const auto wrong = call_tool(cordon, "echo", {{"input", {{"text", 1}}}});
  CHECK(wrong.status == 400);
  CHECK(wrong.json().at("errors").at(0).at("pointer") == "/input/text");
  CHECK(call_tool(cordon, "echo", {{"input", {{"text", "x"}, {"more", 1}}}}).status == 400);
  CHECK(call_tool(cordon, "echo", {{"input", Json::object()}}).status == 400);
  CHECK(call_tool(cordon, "echo", {{"input", {{"text", "x"}}}, {"argv", {"sh"}}}).status == 400);
  CHECK(call_tool(cordon, "echo", {{"input", {{"text", std::string(70000, 'x')}}}}).status == 400);
  CHECK(call_tool(cordon, "none", {{"input", {{"text", "x"}}}}).status == 404);
  const Json file = {{"path", "echo.py"}, {"content", "x"}};
  CHECK(call_tool(cordon, "echo", {{"input", {{"text", "x"}}}, {"files", Json::array({file})}}).status == 400);
  CHECK(jobs(cordon) == 0);
}

TEST_CASE("an output that fails its schema is invalid_output: it is kept raw, and not passed on as valid") {
  const ToolShelf shelf;
  put_python(shelf, "sum", "print(i['say'])", {{"output", text_schema}});
  const Instance cordon(shelf.config());
  const auto good = called(cordon, "sum", {{"say", R"({"sum": 3})"}});
  CHECK(good.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(good.at("call").at("output") == Json({{"sum", 3}}));
  for (const char* say : {R"({"sum": "3"})", R"({"sum": 3, "and": 4})", "3", "{", "", R"({"sum": 1} {})"}) {
    const auto bad = called(cordon, "sum", {{"say", say}});
    INFO(bad.dump(2));
    CHECK(bad.at("outcome").at("kind") == "invalid_output");
    CHECK_FALSE(bad.at("outcome").at("errors").empty());
    CHECK(bad.at("call").at("output").is_null());
    CHECK(bad.at("stdout") == std::string(say) + "\n");
  }
  const auto id = called(cordon, "sum", {{"say", "{"}}).at("id").get<std::string>();
  CHECK(cordon.get("/v1/jobs/" + id).json().at("outcome").at("kind") == "invalid_output");
}

TEST_CASE("a dry run shows the exact plan, the decision and the limits, and runs nothing") {
  const ToolShelf shelf;
  shelf.put("echo", {{"limits", {{"wall_ms", 5000}}}});
  const Instance cordon(shelf.config());
  const auto plan =
      call_tool(cordon, "echo", {{"input", {{"text", "x"}}}, {"dry_run", true}, {"limits", {{"pids", 5}}}});
  INFO(plan.body);
  REQUIRE(plan.status == 200);
  CHECK(plan.json().at("plan").at("argv") == Json({"printf", "%s", "x"}));
  CHECK(plan.json().at("plan").at("limits").at("wall_ms") == 5000);
  CHECK(plan.json().at("plan").at("limits").at("pids") == 5);
  CHECK(plan.json().at("decision").at("kind") == "allow");
  CHECK(jobs(cordon) == 0);
  CHECK(call_tool(cordon, "echo", {{"input", {{"text", "x"}}}, {"dry_run", true}, {"limits", {{"wall_ms", 5001}}}})
            .status == 400);
}

TEST_CASE(
    "files that come with a call are in its plan with their digests, and in its sandbox, with the tool's own script") {
  const ToolShelf shelf;
  put_python(shelf, "cat", "print(open('in/deep/a').read() + open('in/b').read(), end='')", {{"files_under", "in"}});
  shelf.put("none", Json::object());
  const Instance cordon(shelf.config());
  const Json files{{{"path", "in/deep/a"}, {"content", "first "}}, {{"path", "in/b"}, {"content", "second"}}};
  const auto plan = call_tool(cordon, "cat", {{"input", Json::object()}, {"files", files}, {"dry_run", true}});
  INFO(plan.body);
  REQUIRE(plan.status == 200);
  const auto planned = plan.json().at("plan").at("files");
  REQUIRE(planned.size() == 3);
  CHECK(planned.at(0).at("path") == "in/deep/a");
  CHECK(planned.at(0).at("size") == 6);
  CHECK(planned.at(1).at("sha256") == cordon::hex(cordon::sha256("second")));
  CHECK(planned.at(2).at("path") == "cat.py");
  const auto job = call_tool(cordon, "cat", {{"input", Json::object()}, {"files", files}, {"wait", true}}).json();
  INFO(job.dump(1));
  CHECK(job.at("stdout") == "first second");
  CHECK(job.at("call").at("unexpected_side_effects") == Json::array());
  for (const char* path : {"b", "in/../b", "cat.py", "in/", "/in/b"}) {
    INFO(path);
    const Json elsewhere{{{"path", path}, {"content", "x"}}};
    CHECK(call_tool(cordon, "cat", {{"input", Json::object()}, {"files", elsewhere}}).status == 400);
  }
  CHECK(call_tool(cordon, "none", {{"input", {{"text", "x"}}}, {"files", files}}).status == 400);
}

TEST_CASE("a script that has changed is refused until an operator approves what it is now, over restarts") {
  const ToolShelf shelf;
  put_python(shelf, "say", "print('first')");
  Instance cordon(shelf.config());
  CHECK(called(cordon, "say", Json::object()).at("stdout") == "first\n");
  const std::string changed = "print('second')\n";
  shelf.write("say.py", changed);
  CHECK(code_of(call_tool(cordon, "say", {{"input", Json::object()}})) == "tool_drifted");
  kill_and_restart(cordon);
  CHECK(code_of(call_tool(cordon, "say", {{"input", Json::object()}})) == "tool_drifted");
  CHECK(cordon.get("/v1/tools/say").json().at("state") == "drifted");
  CHECK(operate(cordon, "PUT", "/v1/tools/say", {{"approve", std::string(64, '0')}}).status == 409);
  CHECK(cordon
            .request({.method = "PUT",
                      .target = "/v1/tools/say",
                      .body = Json{{"approve", digest(cordon, "say")}}.dump(),
                      .headers = {"Content-Type: application/json"}})
            .status == 405);
  CHECK(operate(cordon, "PUT", "/v1/tools/say", {{"approve", digest(cordon, "say")}}).status == 200);
  CHECK(called(cordon, "say", Json::object()).at("stdout") == "second\n");
  kill_and_restart(cordon);
  CHECK(called(cordon, "say", Json::object()).at("stdout") == "second\n");
}

TEST_CASE("a definition that has changed is drift too, and so is a pinned program of the image") {
  const ToolShelf shelf;
  shelf.put("echo", {});
  Instance cordon(shelf.config());
  CHECK(called(cordon, "echo", {{"text", "x"}}).at("stdout") == "x");
  shelf.put("echo", {{"version", "2"}});
  CHECK(operate(cordon, "POST", "/v1/reload", Json::object()).status == 200);
  CHECK(code_of(call_tool(cordon, "echo", {{"input", {{"text", "x"}}}})) == "tool_drifted");
  CHECK(operate(cordon, "PUT", "/v1/tools/echo", {{"approve", digest(cordon, "echo")}}).status == 200);
  CHECK(called(cordon, "echo", {{"text", "x"}}).at("call").at("version") == "2");
  shelf.put("pinned", {{"programs", {{"/usr/bin/printf", std::string(64, 'a')}}}});
  CHECK(operate(cordon, "POST", "/v1/reload", Json::object()).status == 200);
  CHECK(code_of(call_tool(cordon, "pinned", {{"input", {{"text", "x"}}}})) == "tool_drifted");
}

TEST_CASE("a definition that somebody but root may write is not loaded") {
  const ToolShelf shelf;
  shelf.put("echo", {});
  Instance cordon(shelf.config());
  shelf.put("other", {});
  REQUIRE(::chmod((shelf.path() + "/other.json").c_str(), 0666) == 0);
  CHECK(operate(cordon, "POST", "/v1/reload", Json::object()).status == 422);
  REQUIRE(::chmod((shelf.path() + "/other.json").c_str(), 0644) == 0);
  REQUIRE(::chown((shelf.path() + "/other.json").c_str(), 12345, 0) == 0);
  CHECK(operate(cordon, "POST", "/v1/reload", Json::object()).status == 422);
  CHECK(cordon.get("/v1/tools").json().at("tools").size() == 1);
  REQUIRE(::chown((shelf.path() + "/other.json").c_str(), 0, 0) == 0);
  CHECK(operate(cordon, "POST", "/v1/reload", Json::object()).status == 200);
  CHECK(called(cordon, "other", {{"text", "x"}}).at("stdout") == "x");
}

TEST_CASE("a tool that is switched off is refused until it is switched on, over restarts") {
  const ToolShelf shelf;
  shelf.put("echo", {});
  Instance cordon(shelf.config());
  CHECK(operate(cordon, "PUT", "/v1/tools/echo", {{"enabled", false}}).status == 400);
  CHECK(operate(cordon, "PUT", "/v1/tools/echo", {{"enabled", false}, {"reason", "odd answers"}}).status == 200);
  kill_and_restart(cordon);
  const auto refused = call_tool(cordon, "echo", {{"input", {{"text", "x"}}}});
  CHECK(refused.status == 403);
  CHECK(code_of(refused) == "tool_disabled");
  CHECK(refused.json().at("detail").get<std::string>().find("odd answers") != std::string::npos);
  CHECK(operate(cordon, "PUT", "/v1/tools/echo", {{"enabled", true}}).status == 200);
  CHECK(called(cordon, "echo", {{"text", "x"}}).at("stdout") == "x");
}

TEST_CASE("the kill switch of a tool ends its calls and lets none in, and touches no other tool's") {
  const ToolShelf shelf;
  put_python(shelf, "slow", "import time; time.sleep(60)");
  shelf.put("echo", {});
  const Instance cordon(shelf.config());
  const auto id = call_tool(cordon, "slow", {{"input", Json::object()}}).json().at("id").get<std::string>();
  REQUIRE(cordon.reaches(id, "running"));
  const auto receipt = operate(cordon, "PUT", "/v1/kill/tool/slow", {{"reason", "test"}});
  CHECK(receipt.json().at("killed") == Json({id}));
  CHECK(cordon.finished(id).at("outcome").at("kind") == "killed");
  CHECK(code_of(call_tool(cordon, "slow", {{"input", Json::object()}})) == "kill_switch_engaged");
  CHECK(called(cordon, "echo", {{"text", "x"}}).at("stdout") == "x");
}

TEST_CASE("the same key and call answer with the same run, and another call with that key is refused") {
  const ToolShelf shelf;
  shelf.put("echo", {});
  shelf.put("other", {});
  Instance cordon(shelf.config());
  const Json body = {{"input", {{"text", "x"}}}, {"wait", true}};
  const std::vector<std::string> key{"Idempotency-Key: once"};
  const auto first = call_tool(cordon, "echo", body, key).json();
  CHECK(call_tool(cordon, "echo", body, key).json().at("id") == first.at("id"));
  kill_and_restart(cordon);
  CHECK(call_tool(cordon, "echo", body, key).json() == first);
  CHECK(call_tool(cordon, "other", body, key).status == 409);
  CHECK(cordon.post({{"argv", {"true"}}}, key).status == 409);
  CHECK(jobs(cordon) == 1);
}

TEST_CASE("a tool's own rate and concurrency hold for it, and for no other") {
  const ToolShelf shelf;
  shelf.put("rare", {{"rate", {{"jobs_per_second", 0.001}, {"burst", 1}}}});
  put_python(shelf, "single", "import time; time.sleep(60)", {{"max_running", 1}, {"max_queued", 1}});
  shelf.put("echo", {});
  const Instance cordon(shelf.config());
  CHECK(called(cordon, "rare", {{"text", "x"}}).at("stdout") == "x");
  const auto refused = call_tool(cordon, "rare", {{"input", {{"text", "x"}}}});
  CHECK(refused.status == 429);
  CHECK(refused.json().at("limit").at("scope") == "tool");
  const auto id = call_tool(cordon, "single", {{"input", Json::object()}}).json().at("id").get<std::string>();
  REQUIRE(cordon.reaches(id, "running"));
  const auto second = call_tool(cordon, "single", {{"input", Json::object()}}).json().at("id").get<std::string>();
  CHECK(cordon.get("/v1/jobs/" + second).json().at("state") == "queued");
  CHECK(called(cordon, "echo", {{"text", "x"}}).at("stdout") == "x");
  cordon.remove("/v1/jobs/" + second);
  cordon.remove("/v1/jobs/" + id);
}

TEST_CASE("a queued call waits over a restart as the call that it was, and does not run once its tool has changed") {
  const ToolShelf shelf;
  put_python(shelf, "slow", "import time; time.sleep(60)");
  put_python(shelf, "say", "print(i['text'])");
  Instance cordon(shelf.config({{"max_running", 1}}));
  const auto first = call_tool(cordon, "slow", {{"input", Json::object()}}).json().at("id").get<std::string>();
  REQUIRE(cordon.reaches(first, "running"));
  const auto second = call_tool(cordon, "say", {{"input", {{"text", "x"}}}}).json().at("id").get<std::string>();
  kill_and_restart(cordon);
  const auto done = cordon.finished(second);
  CHECK(done.at("stdout") == "x\n");
  CHECK(done.at("tool") == "say");
  const auto again = call_tool(cordon, "slow", {{"input", Json::object()}}).json().at("id").get<std::string>();
  REQUIRE(cordon.reaches(again, "running"));
  const auto third = call_tool(cordon, "say", {{"input", {{"text", "x"}}}}).json().at("id").get<std::string>();
  shelf.write("say.py", "print('another')");
  cordon.remove("/v1/jobs/" + again);
  CHECK(cordon.finished(third).at("outcome").at("kind") == "denied");
}

TEST_CASE("a health check runs what the definition says for it, for operators only") {
  const ToolShelf shelf;
  shelf.put("well", {{"health", {{"argv", {"true"}}}}});
  shelf.put("ill", {{"health", {{"argv", {"false"}}}}});
  shelf.put("none", {});
  const Instance cordon(shelf.config());
  CHECK(operate(cordon, "POST", "/v1/tools/well/health", Json::object()).json().at("outcome").at("code") == 0);
  CHECK(operate(cordon, "POST", "/v1/tools/ill/health", Json::object()).json().at("outcome").at("code") == 1);
  CHECK(operate(cordon, "POST", "/v1/tools/none/health", Json::object()).status == 404);
  CHECK(cordon.request({.method = "POST", .target = "/v1/tools/well/health"}).status == 404);
}
