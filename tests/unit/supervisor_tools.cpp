// Tools as cordond has them: what is loaded, what may be called, what a call asks for, what became of it.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "sandbox/kernel/check.hpp"
#include "supervisor/jobs/job_report.hpp"
#include "supervisor/tools/call_outcome.hpp"
#include "supervisor/tools/call_request.hpp"
#include "supervisor/tools/tool_gate.hpp"
#include "supervisor/tools/tool_json.hpp"
#include "tests/unit/supervisor_instance.hpp"

using namespace cordon;
using namespace cordon::test;

namespace {

const std::string script = "print('hello')\n";

Json definition() {
  return {{"version", "1"},
          {"owner", "o"},
          {"why", "w"},
          {"argv", {"python3", "t.py", {{"input", "/text"}}}},
          {"script", {{"file", "t.py"}, {"sha256", hex(sha256(script))}}},
          {"input", {{"type", "object"}, {"properties", {{"text", {{"type", "string"}}}}}, {"required", {"text"}}}},
          {"side_effects", "read_only"},
          {"files_under", "in"},
          {"limits", {{"pids", 8}}}};
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
}

Profile default_profile() {
  Profile profile;
  profile.name = "default";
  for (const auto& field : limit_fields)
    profile.ceiling.*field.member = profile.defaults.*field.member = std::max(field.min, std::uint64_t{1} << 28);
  profile.ceiling.memory_bytes = profile.defaults.memory_bytes = std::uint64_t{1} << 30;
  return profile;
}

EgressGrant granted(const std::string& name, std::vector<std::uint16_t> ports) {
  EgressGrant grant;
  grant.name = name, grant.ports = std::move(ports);
  return grant;
}

struct Shelf {
  Shelf() {
    REQUIRE(::chmod(dir.path.c_str(), 0755) == 0);
    config.tool_dirs = {dir.path};
    write(dir.path + "/t.py", script);
    put(definition());
  }
  void put(const Json& tool) const { write(dir.path + "/t.json", tool.dump()); }
  tl::expected<LoadedTools, ToolFault> load() const { return load_tools(config, {{"default", profile}}, ::geteuid()); }
  LoadedToolPtr tool() const {
    const auto tools = load();
    REQUIRE(tools);
    return tools->at("t");
  }
  ToolGate gate() const { return ToolGate(dir.path + "/states", ::geteuid()); }

  Directory dir;
  Config config;
  Profile profile = default_profile();
};

}  // namespace

TEST_CASE(
    "a tool is loaded under its profile's limits, and not when its definition asks for more or for what is not there") {
  Shelf shelf;
  CHECK(shelf.tool()->limits.pids == 8);
  auto tool = definition();
  tool["limits"] = {{"pids", std::uint64_t{1} << 40}};
  shelf.put(tool);
  CHECK(shelf.load().error().errors.front().pointer == "/limits/pids");
  tool = definition();
  tool["profile"] = "other";
  shelf.put(tool);
  CHECK(shelf.load().error().errors.front().pointer == "/profile");
  tool = definition();
  tool["compensation"] = {{"tool", "u"}, {"input", Json::object()}};
  shelf.put(tool);
  CHECK(shelf.load().error().errors.front().pointer == "/compensation/tool");
}

TEST_CASE("a tool has the network of its profile, or as much of it as its definition says, and never more") {
  Shelf shelf;
  shelf.profile.egress = {granted("*.example.com", {443, 8443}), granted("www.example.net", {443})};
  const auto with = [&](const Json& egress) {
    auto tool = definition();
    tool["egress"] = egress;
    shelf.put(tool);
  };
  const auto call = [&] {
    return *job_of_call(*parse_call_request(R"({"input": {"text": "x"}})"), *shelf.tool(), script);
  };
  CHECK(shelf.tool()->egress == shelf.profile.egress);
  CHECK_FALSE(call().egress);
  CHECK(tool_json(*shelf.tool(), {}, nullptr).at("egress").size() == 2);
  for (const auto& none : {Json(), Json::array()}) {
    with(none);
    CHECK(shelf.tool()->egress.empty());
    CHECK(call().egress.value() == none);
    CHECK(job_of_health_check(*shelf.tool(), script).egress.value() == none);
  }
  with({{{"name", "api.example.com"}, {"ports", {443}}, {"max_bytes_up", 1000}}});
  REQUIRE(shelf.tool()->egress.size() == 1);
  CHECK(shelf.tool()->egress[0].name == "api.example.com");
  CHECK(shelf.tool()->egress[0].budget.max_bytes_up == 1000);
  const auto shown = tool_json(*shelf.tool(), {}, nullptr).at("egress");
  CHECK(shown.at(0).at("name") == "api.example.com");
  CHECK(shown.at(0).at("ports") == Json::array({443}));
  CHECK(call().egress->at(0).at("name") == "api.example.com");
  JobOrder order;
  order.egress = shelf.tool()->egress;
  ToolCall planned;
  planned.tool = shelf.tool();
  order.call = std::make_shared<const ToolCall>(planned);
  CHECK(plan_json(order, Allow{}).at("plan").at("egress") == shown);
  for (const auto& [wider, pointer] : std::vector<std::pair<Json, std::string>>{
           {{{{"name", "example.org"}}}, "/egress/0/name"},
           {{{{"name", "api.example.com"}}, {{"name", "www.example.net"}, {"ports", {443, 80}}}}, "/egress/1/ports"},
           {{{{"name", "api.example.com"}, {"mode", "raw"}}}, "/egress/0/mode"},
           {{{{"name", "api.example.com"}, {"max_bytes_down", std::uint64_t{1} << 40}}}, "/egress/0/max_bytes_down"},
           {{{{"cidr", "192.0.2.0/24"}}}, "/egress/0/cidr"}}) {
    with(wider);
    INFO(wider.dump());
    const auto loaded = shelf.load();
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().errors.front().pointer == pointer);
  }
}

TEST_CASE("what others may write is not trusted: the definition, the directory, the script") {
  Shelf shelf;
  REQUIRE(::chmod((shelf.dir.path + "/t.json").c_str(), 0664) == 0);
  CHECK_FALSE(shelf.load());
  REQUIRE(::chmod((shelf.dir.path + "/t.json").c_str(), 0644) == 0);
  REQUIRE(::chmod(shelf.dir.path.c_str(), 0777) == 0);
  CHECK_FALSE(shelf.load());
  REQUIRE(::chmod(shelf.dir.path.c_str(), 0755) == 0);
  auto gate = shelf.gate();
  CHECK(gate.see(*shelf.load()).empty());
  REQUIRE(::chmod((shelf.dir.path + "/t.py").c_str(), 0666) == 0);
  CHECK(gate.status(*shelf.tool()).kind == ToolStatus::Kind::drifted);
}

TEST_CASE("a tool that is as pinned counts as approved when it is first seen, and nothing else does") {
  Shelf shelf;
  auto gate = shelf.gate();
  const auto tool = shelf.tool();
  CHECK(gate.status(*tool).kind == ToolStatus::Kind::drifted);  // nobody has seen it yet
  CHECK(gate.see(*shelf.load()).empty());
  CHECK_FALSE(gate.refusal(*tool));
  CHECK(gate.script(*tool) == script);
  write(shelf.dir.path + "/t.py", "print('another')\n");
  CHECK(gate.refusal(*tool)->code == "tool_drifted");
  CHECK(gate.see(*shelf.load()) == std::vector<std::string>{"t"});
  auto later = shelf.gate();
  CHECK(later.refusal(*tool)->code == "tool_drifted");
  later.approve(*tool, later.status(*tool).digest, "alice", WallTime{});
  CHECK_FALSE(later.refusal(*tool));
  CHECK(later.script(*tool) == "print('another')\n");
  write(shelf.dir.path + "/t.py", script);  // as it once was, and is no longer
  CHECK(later.refusal(*tool)->code == "tool_drifted");
  ::unlink((shelf.dir.path + "/t.py").c_str());
  CHECK(later.refusal(*tool)->code == "tool_drifted");
}

TEST_CASE("a tool that was new and not as pinned is never called before it is approved") {
  Shelf shelf;
  write(shelf.dir.path + "/t.py", "print('another')\n");
  auto gate = shelf.gate();
  CHECK(gate.see(*shelf.load()) == std::vector<std::string>{"t"});
  CHECK(gate.refusal(*shelf.tool())->code == "tool_drifted");
  CHECK(gate.state("t") == nullptr);
}

TEST_CASE("what operators decided about tools is read back as it was written, and nothing else is taken for it") {
  const WallTime at{std::chrono::seconds(1000)};
  ToolStates states;
  states["a"] = {{sha256("x"), "alice", at}, SwitchedOff{"bob", "odd \"answers\"", at}};
  states["b"] = {{sha256("y"), "cordond", at}, std::nullopt};
  const auto text = tool_states_text(states);
  const auto back = parse_tool_states(text);
  CHECK(tool_states_text(back) == text);
  CHECK(back.at("a").off->reason == "odd \"answers\"");
  for (const auto* wrong : {"", "{}", R"({"tools": []})", R"({"tools": {"a": {}}})", R"({"tools": {}, "more": 1})"})
    CHECK_THROWS_AS(parse_tool_states(wrong), KernelError);
}

TEST_CASE("the body of a call is read for form, and what a job may say and a call may not is refused") {
  CHECK(parse_call_request(R"({"input": {"text": "x"}, "wait": true})")->rest.wait);
  const auto grant = std::string(64, 'a');
  const auto dry = parse_call_request(R"({"input": {}, "dry_run": true, "grant": ")" + grant + R"("})");
  REQUIRE(dry);
  CHECK(dry->dry_run);
  for (const auto* wrong :
       {"", "[]", "{}", R"({"input": []})", R"({"input": {}, "argv": ["sh"]})", R"({"input": {}, "env": {}})",
        R"({"input": {}, "profile": "x"})", R"({"input": {}, "grant": "g"})", R"({"input": {}, "dry_run": 1})",
        R"({"input": {"a": 1, "a": 2}})"})
    CHECK(parse_call_request(wrong).error().status == 400);
}

TEST_CASE("a call becomes the job that its definition says, and can lower no other limit than down") {
  Shelf shelf;
  const auto tool = shelf.tool();
  const auto job = [&](const char* body) { return job_of_call(*parse_call_request(body), *tool, script); };
  const auto made =
      job(R"({"input": {"text": "x"}, "files": [{"path": "in/a", "content": "b"}], "limits": {"pids": 4}})");
  REQUIRE(made);
  CHECK(made->argv == std::vector<std::string>{"python3", "t.py", "x"});
  CHECK(made->limits.at("pids") == 4);
  CHECK(made->files.at(0).path == "in/a");
  CHECK(made->files.at(1).path == "t.py");
  CHECK(made->files.at(1).mode == 0555);
  CHECK(job(R"({"input": {}})").error().errors.front().pointer == "/input");
  CHECK(job(R"({"input": {"text": "-x"}})").error().errors.front().pointer == "/input/text");
  CHECK(job(R"({"input": {"text": "x"}, "limits": {"pids": 9}})").error().errors.front().pointer == "/limits/pids");
  CHECK(job(R"({"input": {"text": "x"}, "files": [{"path": "t.py", "content": ""}]})").error().errors.front().pointer ==
        "/files/0/path");
  CHECK(
      job(R"({"input": {"text": "x"}, "files": [{"path": "inside", "content": ""}]})").error().errors.front().pointer ==
      "/files/0/path");
}

TEST_CASE("a lost call is ambiguous when it must not happen twice, and its report tells the next cordond so") {
  Shelf shelf;
  for (const bool once : {true, false}) {
    auto tool = definition();
    tool["side_effects"] = once ? "financial" : "reversible";
    shelf.put(tool);
    JobOrder order;
    order.call = std::make_shared<const ToolCall>(
        ToolCall{shelf.tool(), {}, R"({"text":"x"})", sha256("input"), "", "", false, 0});
    Job job("j", {"alice", "default"}, std::move(order), WallTime{});
    const auto outcome = judge_call(job, Lost{"gone"});
    CHECK(std::get<Lost>(outcome).ambiguous == once);
    const auto row = ambiguous_row(report_text(job), "j", "alice");
    CHECK(row.has_value() == once);
    if (row) CHECK(row->input == sha256("input"));
    CHECK(reported_call(report_text(job))->tool == "t");
  }
}
