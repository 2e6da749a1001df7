// Promise (issue "Governed tools", 6 and 7): what a call did is observed, not believed; a call that may have happened,
// and must not happen twice, is not made again before an operator has said whether it did.
#include <catch2/catch.hpp>
#include <csignal>

#include "profiles/sha256.hpp"
#include "supervisor/evidence/verify.hpp"
#include "tests/promises/tool_shelf.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

std::string effects_of(const Json& job) {
  return job.at("call").at("unexpected_side_effects").dump();
}

// What the ledger has of a job's end.
Json outcome_on_record(const Instance& cordon, const std::string& id) {
  cordon::VerifyWish wish;
  wish.directory = cordon.evidence_dir();
  for (const auto& entry : cordon::verify_evidence(wish).log.entries) {
    auto said = Json::parse(entry.text);
    if (said.value("job", "") == id && said.at("kind") == "outcome") return said;
  }
  return {};
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

TEST_CASE("what a call added, changed and removed is told with digests, and on the record") {
  const ToolShelf shelf;
  const Json files{{"files_under", "in"}};
  const std::string work =
      "import os\nopen('in/b','w').write('B')\nos.unlink('in/c')\nopen('/tmp/new','w').write('n')\n"
      "os.symlink('/etc/passwd', '/dev/shm/link')";
  put_python(shelf, "work", work, files);
  put_python(shelf, "look", "print(open('in/a').read())", files);
  put_python(shelf, "swap", "import os\nos.rename('in/a', 'in/z')", files);
  const Instance cordon(shelf.config());
  const Json given{
      {{"path", "in/a"}, {"content", "a"}}, {{"path", "in/b"}, {"content", "b"}}, {{"path", "in/c"}, {"content", "c"}}};
  const auto done = [&](const char* tool) {
    const auto answer = call_tool(cordon, tool, {{"input", Json::object()}, {"files", given}, {"wait", true}});
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return answer.json();
  };
  const auto job = done("work");
  const auto scratch = job.at("call").at("observed").at("scratch");
  INFO(job.dump(1));
  CHECK(scratch.at("complete") == true);
  REQUIRE(scratch.at("added_count") == 2);
  CHECK(scratch.at("added").at(0).at("path") == "/dev/shm/link");
  CHECK(scratch.at("added").at(0).at("kind") == "link");
  CHECK(scratch.at("added").at(1).at("path") == "/tmp/new");
  CHECK(scratch.at("added").at(1).at("sha256") == cordon::hex(cordon::sha256("n")));
  REQUIRE(scratch.at("changed_count") == 1);
  CHECK(scratch.at("changed").at(0).at("path") == "/work/in/b");
  CHECK(scratch.at("changed").at(0).at("sha256") == cordon::hex(cordon::sha256("B")));
  REQUIRE(scratch.at("removed_count") == 1);
  CHECK(scratch.at("removed").at(0).at("path") == "/work/in/c");
  CHECK(effects_of(job).find("changed 1 of the files") != std::string::npos);
  CHECK(effects_of(job).find("removed 1 of the files") != std::string::npos);
  const auto said = outcome_on_record(cordon, job.at("id"));
  INFO(said.dump(1));
  CHECK(said.at("scratch_changes").at("added") == 2);
  CHECK(said.at("scratch_changes").at("incomplete") == 0);
  CHECK(said.at("scratch").at("/work/in/b") == "changed " + cordon::hex(cordon::sha256("B")));
  CHECK(said.at("scratch").at("/work/in/c") == "removed " + cordon::hex(cordon::sha256("c")));
  CHECK(said.at("scratch").at("/dev/shm/link") == "added");
  const auto quiet = done("look");
  INFO(quiet.dump(1));
  CHECK(effects_of(quiet) == "[]");
  CHECK(quiet.at("call").at("observed").at("scratch").at("added_count") == 0);
  CHECK(quiet.at("call").at("observed").at("scratch").at("complete") == true);
  CHECK(effects_of(done("swap")).find("left 1 files") != std::string::npos);  // as many as it was given
}

TEST_CASE("what a call that is root inside its sandbox writes into its image is told as well") {
  const ToolShelf shelf;
  put_python(shelf, "install", "open('/etc/new','w').write('n')\nopen('/usr/bin/new','w').write('b')",
             {{"profile", "root-inside"}});
  const Instance cordon(shelf.config());
  const auto job = called(cordon, "install", Json::object());
  INFO(job.dump(1));
  const auto scratch = job.at("call").at("observed").at("scratch");
  REQUIRE(scratch.at("added_count") == 2);
  CHECK(scratch.at("added").at(0).at("path") == "/etc/new");
  CHECK(scratch.at("added").at(0).at("sha256") == cordon::hex(cordon::sha256("n")));
  CHECK(scratch.at("added").at(1).at("path") == "/usr/bin/new");
  CHECK(effects_of(job).find("left 2 files") != std::string::npos);
}

TEST_CASE("a read-only tool that hides what it left is flagged for that, and one that is cancelled is not") {
  const ToolShelf shelf;
  put_python(shelf, "hide", "import os\nos.mkdir('d')\nopen('d/f','w').write('x')\nos.chmod('d', 0)");
  put_python(shelf, "deep", "import os\nfor _ in range(80):\n  os.mkdir('d'); os.chdir('d')");
  put_python(shelf, "many", "for i in range(16400): open('/tmp/%d' % i, 'w').close()",
             {{"limits", {{"scratch_inodes", 20000}}}});
  put_python(shelf, "huge", "for i in range(20): open('big%02d' % i, 'wb').truncate(60 << 20)");
  put_python(shelf, "slow", "import time\nprint(1, flush=True)\ntime.sleep(60)");
  const Instance cordon(shelf.config());
  CHECK(effects_of(called(cordon, "hide", Json::object())).find("more than could be looked at") != std::string::npos);
  CHECK(effects_of(called(cordon, "deep", Json::object())).find("more than could be looked at") != std::string::npos);
  const auto many = called(cordon, "many", Json::object());
  CHECK(effects_of(many).find("left 16400 files") != std::string::npos);
  CHECK(effects_of(many).find("more than could be looked at") != std::string::npos);
  CHECK(many.at("call").at("observed").at("scratch").at("added_count") == 16384);
  const auto huge = called(cordon, "huge", Json::object());
  const auto added = huge.at("call").at("observed").at("scratch").at("added");
  REQUIRE(added.size() == 20);
  CHECK(added.at(0).at("sha256").is_string());
  CHECK(added.at(19).at("sha256").is_null());
  CHECK(effects_of(huge).find("left 20 files") != std::string::npos);
  const auto id = call_tool(cordon, "slow", {{"input", Json::object()}}).json().at("id").get<std::string>();
  REQUIRE(cordon.reaches(id, "running"));
  cordon.remove("/v1/jobs/" + id);
  CHECK(effects_of(cordon.finished(id)) == "[]");
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

TEST_CASE("a lost call with files is the same call only with the same files") {
  const ToolShelf shelf;
  put_python(shelf, "pay", pay, {{"side_effects", "financial"}, {"files_under", "in"}});
  Instance cordon(shelf.config());
  const auto with = [](const char* bytes, int amount) {
    return Json{{"input", {{"amount", amount}}}, {"files", {{{"path", "in/bill"}, {"content", bytes}}}}};
  };
  const auto id = call_tool(cordon, "pay", with("one", 5)).json().at("id").get<std::string>();
  REQUIRE(eventually([&] { return !cordon.get("/v1/jobs/" + id).json().at("started_at").is_null(); }));
  kill_and_restart(cordon);
  CHECK(code_of(call_tool(cordon, "pay", with("one", 5))) == "ambiguous_outcome");
  const auto other = call_tool(cordon, "pay", with("two", 5));
  CHECK(other.status == 202);
  cordon.remove("/v1/jobs/" + other.json().at("id").get<std::string>());
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
