// Promise (issue "Governed tools", 6 and 7): what a call did is observed, not believed; a call that may have happened,
// and must not happen twice, is not made again before an operator has said whether it did.
#include <catch2/catch.hpp>
#include <csignal>

#include "tests/promises/tool_shelf.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

std::string effects_of(const Json& job) {
  return job.at("call").at("unexpected_side_effects").dump();
}

void kill_and_restart(Instance& cordon) {
  cordon.daemon().signal(SIGKILL);
  REQUIRE(cordon.daemon().wait(10s));
  cordon.start_daemon();
}

std::string code_of(const Answer& answer) {
  INFO(answer.body);
  return answer.json().value("code", "");
}

// A call that runs until cordond is killed; its id.
std::string lose(Instance& cordon, const std::string& tool, const Json& input) {
  const auto id = call_tool(cordon, tool, {{"input", input}}).json().at("id").get<std::string>();
  REQUIRE(eventually([&] { return !cordon.get("/v1/jobs/" + id).json().at("started_at").is_null(); }));
  kill_and_restart(cordon);
  return id;
}

constexpr const char* pay = "import time\nprint(i['amount'], flush=True)\nif i['amount'] < 100: time.sleep(60)";

}  // namespace

TEST_CASE(
    "a read-only tool that leaves files, tries the network or a forbidden call is flagged, and one that does not is "
    "not") {
  const ToolShelf shelf;
  put_python(shelf, "quiet", "print(i)");
  put_python(shelf, "files", "open('left','w').write('x')");
  put_python(shelf, "hidden", "open('/tmp/left','w').write('x')");
  put_python(shelf, "tidy", "import os; open('/tmp/left','w').write('x'); os.unlink('/tmp/left')");
  put_python(shelf, "caller",
             "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 1)\nexcept OSError: pass");
  put_python(shelf, "forbidden", "import ctypes\nctypes.CDLL(None).unshare(0x10000000)");
  put_python(shelf, "writer", "open('left','w').write('x')", {{"side_effects", "reversible"}});
  const Instance cordon(shelf.config());
  for (const char* name : {"quiet", "tidy", "writer"}) {
    INFO(name);
    CHECK(effects_of(called(cordon, name, Json::object())) == "[]");
  }
  const auto files = called(cordon, "files", Json::object());
  CHECK(effects_of(files).find("left 1 files") != std::string::npos);
  CHECK(files.at("call").at("observed").at("files_left") == 1);
  CHECK(effects_of(called(cordon, "hidden", Json::object())).find("left 1 files") != std::string::npos);
  CHECK(effects_of(called(cordon, "caller", Json::object())).find("network") != std::string::npos);
  CHECK(effects_of(called(cordon, "forbidden", Json::object())).find("seccomp") != std::string::npos);
}

TEST_CASE("unexpected side effects are told to operators, and trip the tool's kill switch when a rule says so") {
  const ToolShelf shelf;
  put_python(shelf, "files", "open('left','w').write('x')");
  const Json rule{{"control", "side_effects"},
                  {"count", 2},
                  {"window_seconds", 600},
                  {"scope", "tool"},
                  {"reason", "it leaves files"}};
  const Instance cordon(shelf.config({{"trip_rules", Json::array({rule})}}));
  called(cordon, "files", Json::object());
  called(cordon, "files", Json::object());
  REQUIRE(eventually([&] {
    return code_of(call_tool(cordon, "files", {{"input", Json::object()}})) == "kill_switch_engaged";
  }));
  const auto events = call(cordon.operator_socket(), {.target = "/v1/events?follow=false"}).body;
  CHECK(events.find("event: side_effects") != std::string::npos);
  CHECK(events.find("event: trip") != std::string::npos);
}

TEST_CASE(
    "a lost call that must not happen twice is not made again until an operator settles it, once, over restarts") {
  const ToolShelf shelf;
  put_python(shelf, "pay", pay, {{"side_effects", "financial"}});
  Instance cordon(shelf.config());
  const Json once = {{"input", {{"amount", 5}}}};
  const auto id = lose(cordon, "pay", {{"amount", 5}});
  const auto lost = cordon.get("/v1/jobs/" + id).json();
  CHECK(lost.at("outcome").at("kind") == "lost");
  CHECK(lost.at("outcome").at("ambiguous") == true);
  CHECK(code_of(call_tool(cordon, "pay", once)) == "ambiguous_outcome");
  CHECK(call_tool(cordon, "pay", {{"input", {{"amount", 5.0}}}}).status == 409);  // the same number
  CHECK(call_tool(cordon, "pay", once, {"Idempotency-Key: another"}).status == 409);
  kill_and_restart(cordon);
  CHECK(call_tool(cordon, "pay", once).status == 409);
  CHECK(called(cordon, "pay", {{"amount", 500}}).at("stdout") == "500\n");  // another input is another call
  const auto settle = "/v1/jobs/" + id + "/settlement";
  CHECK(cordon
            .request({.method = "POST",
                      .target = settle,
                      .body = R"({"as":"happened"})",
                      .headers = {"Content-Type: application/json"}})
            .status == 404);
  CHECK(operate(cordon, "POST", settle, {{"as", "perhaps"}}).status == 400);
  CHECK(operate(cordon, "POST", settle, {{"as", "did_not_happen"}}).status == 200);
  CHECK(operate(cordon, "POST", settle, {{"as", "happened"}}).status == 409);
  kill_and_restart(cordon);
  CHECK(operate(cordon, "POST", settle, {{"as", "happened"}}).status == 409);
  CHECK(cordon.get("/v1/jobs/" + id).json().at("settled").at("as") == "did_not_happen");
  const auto again = call_tool(cordon, "pay", once);
  CHECK(again.status == 202);
  cordon.remove("/v1/jobs/" + again.json().at("id").get<std::string>());
}

TEST_CASE("a lost call that may be made again is not ambiguous, and neither is one of which nothing ran") {
  const ToolShelf shelf;
  put_python(shelf, "read", pay, {{"side_effects", "read_only"}});
  put_python(shelf, "put", pay, {{"side_effects", "external"}, {"idempotent", true}});
  put_python(shelf, "pay", pay, {{"side_effects", "financial"}});
  Instance cordon(shelf.config({{"max_running", 1}}));
  for (const char* tool : {"read", "put"}) {
    const auto id = lose(cordon, tool, {{"amount", 5}});
    CHECK_FALSE(cordon.get("/v1/jobs/" + id).json().at("outcome").contains("ambiguous"));
    const auto again = call_tool(cordon, tool, {{"input", {{"amount", 5}}}});
    CHECK(again.status == 202);
    cordon.remove("/v1/jobs/" + again.json().at("id").get<std::string>());
  }
  const auto running = call_tool(cordon, "read", {{"input", {{"amount", 5}}}}).json().at("id").get<std::string>();
  REQUIRE(cordon.reaches(running, "running"));
  const auto waited = call_tool(cordon, "pay", {{"input", {{"amount", 500}}}}).json().at("id").get<std::string>();
  kill_and_restart(cordon);
  CHECK(cordon.finished(waited).at("stdout") == "500\n");  // it waited, and is made now
}

TEST_CASE("a call that waits in the queue is not made once the same call has been lost before it") {
  const ToolShelf shelf;
  put_python(shelf, "pay", pay, {{"side_effects", "financial"}});
  Instance cordon(shelf.config({{"max_running", 1}}));
  const Json same = {{"input", {{"amount", 5}}}};
  const auto first = call_tool(cordon, "pay", same).json().at("id").get<std::string>();
  REQUIRE(eventually([&] { return !cordon.get("/v1/jobs/" + first).json().at("started_at").is_null(); }));
  const auto second = call_tool(cordon, "pay", same).json().at("id").get<std::string>();
  kill_and_restart(cordon);
  CHECK(cordon.finished(first).at("outcome").at("ambiguous") == true);
  CHECK(cordon.finished(second).at("outcome").at("kind") == "denied");
}

TEST_CASE("a compensation is the call that the tool declares, and is not made without another person's approval") {
  const ToolShelf shelf;
  put_python(shelf, "refund", "print(i)", {{"side_effects", "financial"}});
  put_python(
      shelf, "pay", "print(json.dumps({'id': 'p' + str(i['amount'])}))",
      {{"side_effects", "financial"},
       {"output", {{"type", "object"}}},
       {"compensation",
        {{"tool", "refund"}, {"input", {{"payment", {{"output", "/id"}}}, {"amount", {{"input", "/amount"}}}}}}}});
  const Instance cordon(shelf.config());
  const auto id = called(cordon, "pay", {{"amount", 7}}).at("id").get<std::string>();
  const auto answer = operate(cordon, "POST", "/v1/jobs/" + id + "/compensation", Json::object());
  INFO(answer.body);
  REQUIRE(answer.status == 202);
  CHECK(answer.json().at("state") == "awaiting_approval");
  const auto held = answer.json().at("id").get<std::string>();
  const auto approval = call(cordon.operator_socket(), {.target = "/v1/approvals/" + held}).json();
  const Json consent{{"decision", "approve"}, {"binding_sha256", approval.at("binding_sha256")}};
  CHECK(code_of(operate(cordon, "POST", "/v1/approvals/" + held, consent)) == "self_approval");
  const auto other_person = call(cordon.operator_socket(), {.method = "POST",
                                                            .target = "/v1/approvals/" + held,
                                                            .body = consent.dump(),
                                                            .headers = {"Content-Type: application/json"},
                                                            .as = cordon.operator_person()});
  INFO(other_person.body);
  CHECK(other_person.status == 200);
  CHECK(cordon.finished(held).at("call").at("compensates") == id);
  const auto other = called(cordon, "refund", {{"amount", 7}}).at("id").get<std::string>();
  CHECK(code_of(operate(cordon, "POST", "/v1/jobs/" + other + "/compensation", Json::object())) == "not_compensable");
}
