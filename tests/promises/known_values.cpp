#include "tests/promises/known_values.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "supervisor/evidence/verify.hpp"

namespace cordon::test {
namespace {

const std::string strange = "na\u00efve \u2603 \U0001d11e";  // letters of two, three and four bytes
const Json nothing = Json::array();

Json list(std::size_t count, const std::string& form) {
  Json out = Json::array();
  for (std::size_t i = 0; i < count; ++i) out.push_back(form + std::to_string(i));
  return out;
}

Json map_of(std::size_t count, const std::string& form) {
  Json out = Json::object();
  for (std::size_t i = 0; i < count; ++i) out[form + std::to_string(i)] = "";
  return out;
}

std::string many(std::size_t count) {
  return std::string(count, 'x');
}

Json one(Json item) {
  Json out = Json::array();
  out.push_back(std::move(item));
  return out;
}

Member texts(std::initializer_list<Json> values) {
  Member member;
  for (const auto& value : values) member.values.push_back({value});
  return member;
}

Json config_of(const ToolShelf& shelf) {
  const Json rules = Json::array({{{"name", "held"},
                                   {"why", "a test"},
                                   {"when", {{"labels", {{"hold", "*"}}}}},
                                   {"then", {{"require_approval", {{"people", 1}}}}}},
                                  {{"name", "strict"},
                                   {"why", "a test"},
                                   {"when", {{"profiles", {"strict"}}, {"grant", "none"}}},
                                   {"then", "refuse"}}});
  return shelf.config(
      {{"policy", {{"rules", rules}}}, {"warm", {{"default", {{"min", 1}, {"max", 1}, {"image", "host"}}}}}});
}

// What is as "@name" says.
void put_in(Json& value, const Json& fill) {
  if (value.is_structured())
    for (auto& inner : value) put_in(inner, fill);
  if (value.is_string() && fill.contains(value.get<std::string>())) value = fill.at(value.get<std::string>());
}

bool contradicts(const Known& known, const Json& body, const std::string& name) {
  for (const auto& [other, value] : body.items()) {
    const auto at = known.members.find(other);
    if (at != known.members.end() && at->second.not_with.contains(name)) return true;
  }
  const auto at = known.members.find(name);
  if (at == known.members.end()) return false;
  for (const auto& other : at->second.not_with)
    if (body.contains(other)) return true;
  return false;
}

}  // namespace

Json body_of(const Known& known, const std::vector<Chosen>& chosen, const Json& fill) {
  Json body = Json::object();
  for (const auto& one : chosen) {
    if (contradicts(known, body, one.name)) return nullptr;
    body[one.name] = one.value.value;
  }
  for (const auto& one : chosen)
    for (const auto& [name, value] : one.value.beside.items()) {
      if (contradicts(known, body, name)) return nullptr;
      body[name] = value;
    }
  for (const auto& [name, value] : known.base.items())
    if (!body.contains(name) && !contradicts(known, body, name)) body[name] = value;
  put_in(body, fill);
  return body;
}

void Stage::put_tools() const {
  const Json undo = {{"tool", "greet"}, {"input", {{"text", {{"input", "/text"}}}}}};
  shelf_.put("greet", {{"compensation", undo}, {"health", {{"argv", {"true"}}}}});
  shelf_.put("lever", Json::object());
  put_python(shelf_, "script", "print(json.dumps({'n': len(i)}))",
             {{"output", {{"type", "object"}, {"properties", {{"n", {{"type", "integer"}}}}}}},
              {"files_under", "in"},
              {"collect", {"in/*"}},
              {"data_classes", {"web"}},
              {"health", {{"argv", {"true"}}}}});
  put_python(shelf_, "once", "import time\nprint(1, flush=True)\ntime.sleep(60)", {{"side_effects", "irreversible"}});
}

// One that grants egress. There is no cordon-egress: its jobs are taken in, and cannot be set up.
void Stage::add_profile() const {
  const auto profiles = cordon_->directory() + "/profiles/";
  auto profile = Json::parse(read_text(profiles + "default.json"), nullptr, true, true);
  profile["egress"] = Json::array({{{"name", "*.example.org"}, {"ports", {443}}, {"mode", "passthrough"}},
                                   {{"cidr", "192.0.2.0/24"}, {"ports", {5432}}, {"mode", "raw"}}});
  std::ofstream(profiles + "outside.json") << profile.dump(1);
  made("a profile", ask(false, "POST", "/v1/reload"), 200);
}

Answer Stage::ask(bool by_agent, const Call& wanted) const {
  auto whole = wanted;
  whole.as = by_agent ? cordon_->agent(1) : person(*cordon_);
  return call(by_agent ? cordon_->agent_socket() : cordon_->operator_socket(), whole);
}

Answer Stage::ask(bool by_agent, const std::string& method, const std::string& target, const Json& body) const {
  Call wanted;
  wanted.method = method;
  wanted.target = target;
  if (!body.is_null()) wanted.body = body.dump();
  return ask(by_agent, wanted);
}

Json Stage::made(const std::string& what, const Answer& answer, long status) const {
  INFO(what << ": " << answer.status << " " << answer.body.substr(0, 1000));
  REQUIRE(answer.status == status);
  return answer.json();
}

void Stage::tidy() const {
  const auto engaged = ask(false, "GET", "/v1/kill").json().at("engaged");
  for (const auto& one : engaged) ask(false, "DELETE", "/v1/kill/" + one.at("scope").get<std::string>());
  for (const char* tool : {"greet", "lever", "script", "once"})
    made(tool, ask(false, "PUT", std::string("/v1/tools/") + tool, {{"enabled", true}}), 200);
}

std::string Stage::lose_call(const std::string& text) const {
  const auto called = ask(true, "POST", "/v1/tools/once/calls", {{"input", {{"text", text}}}});
  const auto id = made("a call", called, 202).at("id").get<std::string>();
  REQUIRE(eventually([&] { return ask(true, "GET", "/v1/jobs/" + id).json().at("stdout") == "1\n"; }));
  return id;
}

Target Stage::held_job() const {
  const Json job = {{"argv", {"true"}}, {"labels", {{"hold", "me"}}}};
  const auto id = made("a held job", ask(true, "POST", "/v1/jobs", job), 202).at("id").get<std::string>();
  const auto path = "/v1/approvals/" + id;
  const auto binding = made("an approval", ask(false, "GET", path), 200).at("binding_sha256");
  return {path, {{"@binding", binding}}};
}

Target Stage::fresh_grant() const {
  const auto made_one = made("a grant", ask(false, "POST", "/v1/grants", {{"uid", 12345}, {"expires_s", 60}}), 201);
  return {"/v1/grants/" + made_one.at("name").get<std::string>()};
}

// What an agent has read under a grant for a task.
Target Stage::context() const {
  const auto who = cordon_->agent(1);
  const auto grant = made("a grant", ask(false, "POST", "/v1/grants", {{"uid", who.uid}, {"task", "T-1"}}), 201);
  const Json job = {
      {"argv", {"true"}}, {"provenance", {{"trust", "untrusted"}}}, {"grant", grant.at("grant")}, {"wait", true}};
  made("a job", ask(true, "POST", "/v1/jobs", job), 200);
  return {"/v1/contexts/" + actor_of(who)};
}

std::string Stage::entry_of_job() const {
  VerifyWish wish;
  wish.directory = cordon_->evidence_dir();
  const auto log = verify_evidence(wish).log;
  for (std::size_t i = 0; i < log.entries.size(); ++i)
    if (Json::parse(log.entries[i].text).value("job", "") == job_) return std::to_string(log.gone.size() + i);
  FAIL("the job is not on the record");
  return {};
}

Stage::Stage() {
  put_tools();
  cordon_ = std::make_unique<Instance>(config_of(shelf_));
  add_profile();
  const Json job = {
      {"argv", {"sh", "-c", "echo hi; mkdir out; echo x >out/a; exit 0"}}, {"collect", {"out/*"}}, {"wait", true}};
  job_ = made("a job", ask(true, "POST", "/v1/jobs", job), 200).at("id");
  for (int i = 0; i < 3; ++i) unsettled_.push_back(lose_call(std::to_string(i)));
  crash_and_restart(*cordon_);
  const auto uid = cordon_->agent(1).uid;
  secret_ = made("a grant", ask(false, "POST", "/v1/grants", {{"uid", uid}}), 201).at("grant");
  parent_ = made("a grant", ask(false, "POST", "/v1/grants", {{"uid", uid}, {"expires_s", 2592000}}), 201).at("grant");
  know_jobs();
  know_calls();
  know_authority();
  know_operators();
  know_parameters();
}

void Stage::know_jobs() {
  auto& known = known_["POST /v1/jobs"];
  known.by_agent = true;
  known.target = [] { return Target{"/v1/jobs"}; };
  known.base = {{"argv", {"true"}}};
  known.query["Idempotency-Key"] = {"@key", many(255)};
  auto& m = known.members;
  m["profile"] = texts({"default", "compile", "outside"});
  m["profile"].values.push_back({"strict", {{"grant", secret_}}});
  m["image"] = texts({"host"});
  m["argv"] = texts({{"true"}, {"printf", strange}, {"true", many(131071)}, {"true", ""}});
  auto longest = list(4096, "");
  longest[0] = "true";
  m["argv"].values.push_back({longest});
  m["argv"].not_with = {"language", "code"};
  m["language"].values = {{"bash", {{"code", "true"}}}, {"python", {{"code", ""}}}, {"c", {{"code", "int main(){}"}}}};
  m["code"].values = {
      {"true", {{"language", "bash"}}}, {"", {{"language", "bash"}}}, {"echo " + strange, {{"language", "bash"}}}};
  m["cwd"].values = {{"."}, {strange, {{"files", one({{"path", strange + "/a"}, {"content", ""}})}}}};
  m["stdin"] = texts({"hello", "", strange, many(1 << 20)});
  m["stdin_encoding"].values = {{"utf8"}, {"base64", {{"stdin", "AAECAw=="}}}, {"base64", {{"stdin", ""}}}};
  m["env"] = texts({{{"NAME", "value"}}, Json::object(), {{"_", strange}}, {{"N", many(131069)}}, map_of(4000, "N")});
  const Json artifact = {{"path", "b"}, {"artifact", {{"job", job_}, {"path", "out/a"}}}};
  const Json file = {{"path", "a"}, {"content", "YQ=="}, {"encoding", "base64"}, {"mode", "0755"}};
  Json many_files = Json::array();
  for (int i = 0; i < 4096; ++i) many_files.push_back({{"path", "d/" + std::to_string(i)}, {"content", ""}});
  m["files"] = texts({Json::array({file, artifact}), nothing, one({{"path", strange}, {"content", strange}}),
                      one({{"path", many(255)}, {"content", ""}, {"mode", "000"}}), many_files});
  m["collect"] = texts({{"out/*"}, nothing, {strange}, list(64, "c"), {many(255)}});
  const Json limits = {{"wall_ms", 9000},
                       {"cpu_ms", 9000},
                       {"cpus", 1.5},
                       {"memory_bytes", 1 << 28},
                       {"pids", 32},
                       {"output_bytes", 1000},
                       {"scratch_bytes", 1 << 26},
                       {"scratch_inodes", 10000},
                       {"file_bytes", 1 << 24},
                       {"open_files", 100}};
  m["limits"] = texts({limits, Json::object()});
  const auto profiles = ask(true, "GET", "/v1/profiles").json().at("profiles");
  for (const auto& profile : profiles)
    if (profile.at("name") == "default") m["limits"].values.push_back({profile.at("limits")});
  const Json outside = {{"profile", "outside"}};
  const Json name = {{"name", "a.example.org"},
                     {"ports", {443}},
                     {"mode", "passthrough"},
                     {"max_connections", 1},
                     {"max_bytes_up", 1},
                     {"max_bytes_down", 1},
                     {"expires", "2099-01-31T00:00:00Z"},
                     {"rate", {{"connections_per_second", 1}, {"bytes_per_second", 1}}}};
  m["egress"].values = {{nothing}, {nullptr}, {one(name), outside}, {one({{"cidr", "192.0.2.1/32"}}), outside}};
  m["on_output_limit"] = texts({"kill", "truncate"});
  m["labels"] =
      texts({{{"task", "T-1"}}, Json::object(), {{strange, strange}}, map_of(64, "l"), {{many(128), many(1024)}}});
  m["provenance"] = texts({{{"trust", "untrusted"}, {"data_classes", {"pii"}}},
                           Json::object(),
                           {{"data_classes", nothing}},
                           {{"data_classes", list(32, many(60))}},
                           {{"trust", ""}}});
  m["grant"] = texts({secret_});
  m["timings"] = texts({true, false});
  m["wait"] = texts({true, false});
}

void Stage::know_calls() {
  auto& known = known_["POST /v1/tools/{name}/calls"];
  known = known_.at("POST /v1/jobs");
  known.target = [] { return Target{"/v1/tools/script/calls"}; };
  known.base = {{"input", Json::object()}};
  for (const char* other : {"profile", "image", "argv", "language", "code", "cwd", "stdin", "stdin_encoding", "env",
                            "collect", "egress", "on_output_limit"})
    known.members.erase(other);
  auto& m = known.members;
  m["input"] = texts({{{"a", 1}}, Json::object(), {{strange, strange}}, {{"a", many(65536 - 8)}}});
  m["dry_run"] = texts({true, false});
  m["limits"].values.pop_back();
  m["limits"].values[0].value["cpus"] = 0.5;  // a tool's are the defaults
  const Json artifact = {{"path", "in/b"}, {"artifact", {{"job", job_}, {"path", "out/a"}}}};
  const Json file = {{"path", "in/a"}, {"content", "YQ=="}, {"encoding", "base64"}, {"mode", "0755"}};
  m["files"] = texts({Json::array({file, artifact}), nothing, one({{"path", "in/" + strange}, {"content", strange}})});
}

void Stage::know_authority() {
  auto& grants = known_["POST /v1/grants"];
  grants.target = [] { return Target{"/v1/grants"}; };
  grants.base = {{"uid", 12345}};
  auto& g = grants.members;
  g["parent"] = texts({parent_});
  g["uid"] = texts({12345, 0, 4294967294});
  for (const char* text : {"actor", "tenant", "task"}) g[text] = texts({"a", "", strange, many(128)});
  for (const char* names : {"tools", "profiles", "resources", "data_classes"})
    g[names] = texts({{"a", "b/*"}, {strange}, {many(128)}, list(64, "n")});
  g["actions"] =
      texts({{"read_only"}, {"read_only", "reversible", "irreversible", "external", "financial", "administrative"}});
  g["expires_s"] = texts({60, 1, 2592000});
  g["uses"] = texts({1, 1000000000});

  auto& approvals = known_["POST /v1/approvals/{id}"];
  approvals.target = [this] { return held_job(); };
  const Json approved = {{"decision", "approve"}, {"binding_sha256", "@binding"}};
  auto& a = approvals.members;
  a["decision"].values = {{"approve", {{"binding_sha256", "@binding"}}}, {"deny", {{"reason", "a test"}}}};
  a["binding_sha256"].values = {{"@binding", {{"decision", "approve"}}}};
  a["binding_sha256"].not_with = {"reason"};
  for (const auto& reason : {std::string("a test"), strange, many(1000)})
    a["reason"].values.push_back({reason, {{"decision", "deny"}}});

  known_["DELETE /v1/grants/{name}"].target = [this] { return fresh_grant(); };
  known_["DELETE /v1/grants/{name}"].query["kill"] = {"true", "false"};
  known_["DELETE /v1/contexts/{actor}"].target = [this] { return context(); };
  known_["DELETE /v1/contexts/{actor}"].query["task"] = {"T-1"};
}

void Stage::know_operators() {
  const auto reasons = texts({"a test", strange, many(1000), "x"});
  for (const std::string what : {"/v1/kill/{scope}", "/v1/evidence/holds/{scope}"}) {
    auto& known = known_["PUT " + what];
    const auto path = what.substr(0, what.find('{')) + "tenant/nobody";
    known.target = [path] { return Target{path}; };
    known.members["reason"] = reasons;
  }
  auto& incidents = known_["POST /v1/incidents"];
  incidents.target = [] { return Target{"/v1/incidents"}; };
  incidents.base = {{"scope", "tenant/nobody"}, {"reason", "a test"}};
  incidents.members["scope"] =
      texts({"tenant/nobody", "actor/nobody", "tool/" + many(128), "profile/a.b_c:d@e+f-g", "all"});
  incidents.members["reason"] = reasons;

  auto& lever = known_["PUT /v1/tools/{name}"];
  lever.target = [] { return Target{"/v1/tools/lever"}; };
  lever.members["approve"] = texts({ask(false, "GET", "/v1/tools/lever").json().at("sha256")});
  lever.members["enabled"].values = {{false, {{"reason", "a test"}}}, {true}};
  for (const auto& reason : {std::string("a test"), strange, many(1000)})
    lever.members["reason"].values.push_back({reason, {{"enabled", false}}});
  lever.members["reason"].values.push_back({"", {{"enabled", true}}});

  auto& settlement = known_["POST /v1/jobs/{id}/settlement"];
  settlement.target = [this] {
    REQUIRE(!unsettled_.empty());
    const auto id = unsettled_.back();
    unsettled_.pop_back();
    return Target{"/v1/jobs/" + id + "/settlement"};
  };
  settlement.members["as"] = texts({"happened", "did_not_happen"});
}

void Stage::know_parameters() {
  const auto path = "/v1/jobs/" + job_;
  auto& all = known_["GET /v1/jobs"];
  all.by_agent = true;
  all.target = [] { return Target{"/v1/jobs"}; };
  all.query = {{"state", {"finished", "queued", "awaiting_approval", "running"}},
               {"limit", {"2", "1", "1000"}},
               {"after", {job_, "ffffffff-ffff-ffff-ffff-ffffffffffff"}}};
  auto& one_job = known_["GET /v1/jobs/{id}"];
  one_job.by_agent = true;
  one_job.target = [path] { return Target{path}; };
  one_job.query["wait"] = {"1", "0", "600"};
  auto& events = known_["GET /v1/jobs/{id}/events"];
  events.target = [path] { return Target{path + "/events"}; };
  events.query["Last-Event-ID"] = {"0", "1"};
  auto& told = known_["GET /v1/events"];
  told.target = [] { return Target{"/v1/events?follow=false"}; };
  told.query = {{"follow", {"false"}}, {"Last-Event-ID", {"0", "1", "18446744073709551615"}}};
  auto& statement = known_["GET /v1/evidence/jobs/{id}/statement"];
  const auto entry = entry_of_job();
  statement.target = [id = job_] { return Target{"/v1/evidence/jobs/" + id + "/statement"}; };
  statement.query["entries"] = {entry};
  known_["POST /v1/tools/{name}/health"].target = [] { return Target{"/v1/tools/greet/health"}; };
  known_["POST /v1/tools/{name}/health"].query["Idempotency-Key"] = {"@key", many(255)};
  const auto call =
      made("a call", ask(true, "POST", "/v1/tools/greet/calls", {{"input", {{"text", "a"}}}, {"wait", true}}), 200);
  const auto undo = "/v1/jobs/" + call.at("id").get<std::string>() + "/compensation";
  known_["POST /v1/jobs/{id}/compensation"].target = [undo] { return Target{undo}; };
  known_["POST /v1/jobs/{id}/compensation"].query["Idempotency-Key"] = {"@key", many(255)};
}

}  // namespace cordon::test
