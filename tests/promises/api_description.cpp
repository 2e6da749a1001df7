// Promise (issue 8): docs/openapi.json is what the daemon does. Each call that it describes is made to a running one;
// the answer has a status and a type of content that stand there, and a body as the schema says.
#include <catch2/catch.hpp>

#include "tests/promises/described_api.hpp"
#include "tests/promises/tool_shelf.hpp"

using namespace cordon::test;

TEST_CASE("each call that the API's description has is answered by the daemon as it is described") {
  const ToolShelf shelf;
  shelf.put("greet", Json::object());
  const Instance cordon(shelf.config());
  Description description;
  const auto check = [&](const std::string& method, const std::string& path, const Answer& answer) {
    INFO(method << " " << path << ": " << answer.status << " " << answer.body.substr(0, 600));
    const auto violation = description.violation_of(method, path, answer);
    INFO(violation);
    CHECK(violation.empty());
    return answer;
  };
  const auto ask = [&](const std::string& method, const std::string& path, const std::string& target,
                       const Json& body = nullptr) {
    Call wanted;
    wanted.method = in_upper_case(method);
    wanted.target = target;
    if (!body.is_null()) {
      wanted.body = body.dump();
      wanted.headers = {"Content-Type: application/json"};
    }
    return check(method, path, call(cordon.operator_socket(), wanted));
  };

  const Json job = {{"argv", {"sh", "-c", "echo hi; echo x >out"}}, {"collect", {"out"}}, {"wait", true}};
  const auto id = check("post", "/v1/jobs", cordon.post(job)).json().at("id").get<std::string>();
  const auto sleeping = check("post", "/v1/jobs", cordon.post({{"argv", {"sleep", "60"}}, {"wait", false}}));
  CHECK(sleeping.status == 202);
  const auto at = "/v1/jobs/" + id;
  ask("get", "/v1/jobs", "/v1/jobs?limit=2");
  ask("get", "/v1/jobs/{id}", at);
  ask("get", "/v1/jobs/{id}", "/v1/jobs/no-such-job");
  ask("delete", "/v1/jobs/{id}", "/v1/jobs/" + sleeping.json().at("id").get<std::string>());
  ask("get", "/v1/jobs/{id}/stdout", at + "/stdout");
  ask("get", "/v1/jobs/{id}/stderr", at + "/stderr");
  ask("get", "/v1/jobs/{id}/artifacts/{path}", at + "/artifacts/out");
  check("get", "/v1/jobs/{id}/events", head_of_stream(cordon.operator_socket(), at + "/events"));
  check("get", "/v1/events", head_of_stream(cordon.operator_socket(), "/v1/events"));
  for (const std::string path :
       {"/v1/profiles", "/v1/tools", "/v1/info", "/healthz", "/v1/kill", "/v1/breakers", "/metrics", "/v1/unsettled",
        "/v1/evidence", "/v1/approvals", "/v1/grants", "/v1/contexts", "/v1/governance"})
    ask("get", path, path);
  ask("put", "/v1/kill/{scope}", "/v1/kill/tenant/nobody", {{"reason", "a test"}});
  ask("get", "/v1/kill", "/v1/kill");
  ask("delete", "/v1/kill/{scope}", "/v1/kill/tenant/nobody");
  ask("post", "/v1/reload", "/v1/reload");
  ask("delete", "/v1/breakers/{actor}", "/v1/breakers/nobody");
  ask("get", "/v1/tools/{name}", "/v1/tools/greet");
  ask("post", "/v1/tools/{name}/calls", "/v1/tools/greet/calls", {{"input", {{"text", "hello"}}}, {"wait", true}});
  ask("post", "/v1/tools/{name}/health", "/v1/tools/greet/health");
  ask("put", "/v1/tools/{name}", "/v1/tools/greet", {{"enabled", false}, {"reason", "a test"}});
  ask("post", "/v1/jobs/{id}/settlement", at + "/settlement", {{"as", "happened"}});
  ask("post", "/v1/jobs/{id}/compensation", at + "/compensation", Json::object());
  ask("get", "/v1/evidence/jobs/{id}/statement", "/v1/evidence/jobs/" + id + "/statement?entries=0");
  ask("put", "/v1/evidence/holds/{scope}", "/v1/evidence/holds/job/" + id, {{"reason", "a test"}});
  ask("delete", "/v1/evidence/holds/{scope}", "/v1/evidence/holds/job/" + id);
  ask("get", "/v1/approvals/{id}", "/v1/approvals/" + id);
  ask("post", "/v1/approvals/{id}", "/v1/approvals/" + id, {{"decision", "deny"}, {"reason", "a test"}});
  ask("post", "/v1/grants", "/v1/grants", {{"uid", 12345}, {"expires_s", 60}});
  ask("get", "/v1/grants/{name}", "/v1/grants/nothing");
  ask("delete", "/v1/grants/{name}", "/v1/grants/nothing");
  ask("delete", "/v1/contexts/{actor}", "/v1/contexts/nobody");
  ask("post", "/v1/incidents", "/v1/incidents", {{"scope", "tenant/nobody"}, {"reason", "a test"}});

  const std::set<std::string> none;
  CHECK(description.left() == none);
  CHECK(description.good() > 30);  // refusals are described in one place for all, and say little
}
