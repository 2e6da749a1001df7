// Promise (issue 8): docs/openapi.json is what the daemon does. Each call that it describes is made to a running one;
// the answer has a status and a type of content that stand there, and a body as the schema says.
#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "tests/promises/tool_shelf.hpp"
#include "tests/unit/json_schema.hpp"

using namespace cordon::test;

namespace {

class Description {
 public:
  Description() : document_(nlohmann::json::parse(std::ifstream(CORDON_SOURCE_DIR "/docs/openapi.json"))) {}

  // "" when `answer` is one that is described; otherwise what is wrong with it.
  std::string violation_of(const std::string& method, const std::string& path, const Answer& answer) {
    made_.insert(method + " " + path);
    const auto& responses = document_.at("paths").at(path).at(method).at("responses");
    const auto status = std::to_string(answer.status);
    if (!responses.contains(status) && answer.status < 400) return status + " is not described";
    const auto& content = responses.at(responses.contains(status) ? status : "default").at("content");
    const auto said = answer.headers.at("content-type");
    const auto type = said.substr(0, said.find(';'));
    if (!content.contains(type)) return type + " is not described";
    if (answer.status < 400) ++good_;
    if (type != "application/json" && type != "application/problem+json") return "";
    return violation(nlohmann::json::parse(answer.body), content.at(type).at("schema"), document_);
  }

  // "get /v1/info": described, and nobody asked.
  std::set<std::string> left() const {
    std::set<std::string> all;
    for (const auto& [path, item] : document_.at("paths").items())
      for (const auto& [method, described] : item.items())
        if (!made_.contains(method + " " + path)) all.insert(method + " " + path);
    return all;
  }
  int good() const { return good_; }

 private:
  nlohmann::json document_;
  std::set<std::string> made_;
  int good_ = 0;
};

std::string in_upper_case(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// A stream does not end: its head, and the first of what comes.
Answer head_of_stream(const std::string& socket, const std::string& target) {
  const auto fd = connect_to(socket);
  send_all(fd.get(), "GET " + target + " HTTP/1.1\r\nHost: cordon\r\n\r\n");
  const auto text = receive_all(fd.get(), std::chrono::seconds(1));
  Answer answer;
  answer.status = std::stol(text.substr(text.find(' ') + 1));
  const std::string name = "Content-Type: ";
  const auto at = text.find(name);
  REQUIRE(at != text.npos);
  answer.headers["content-type"] = text.substr(at + name.size(), text.find("\r\n", at) - at - name.size());
  return answer;
}

}  // namespace

TEST_CASE("each call that the API's description has is answered by the daemon as it is described") {
  const ToolShelf shelf;
  shelf.put("greet", Json::object());
  const Instance cordon(shelf.config());
  Description description;
  const auto check = [&](const std::string& method, const std::string& path, const Answer& answer) {
    INFO(method << " " << path << ": " << answer.status << " " << answer.body.substr(0, 600));
    CHECK(description.violation_of(method, path, answer) == "");
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
  ask("put", "/v1/tools/{name}", "/v1/tools/greet", {{"state", "disabled"}, {"reason", "a test"}});
  ask("post", "/v1/jobs/{id}/settlement", at + "/settlement", {{"as", "done"}, {"reason", "a test"}});
  ask("post", "/v1/jobs/{id}/compensation", at + "/compensation", Json::object());
  ask("get", "/v1/evidence/jobs/{id}/statement", "/v1/evidence/jobs/" + id + "/statement");
  ask("put", "/v1/evidence/holds/{scope}", "/v1/evidence/holds/job/" + id, {{"reason", "a test"}});
  ask("delete", "/v1/evidence/holds/{scope}", "/v1/evidence/holds/job/" + id);
  ask("get", "/v1/approvals/{id}", "/v1/approvals/" + id);
  ask("post", "/v1/approvals/{id}", "/v1/approvals/" + id, {{"verdict", "approve"}});
  ask("post", "/v1/grants", "/v1/grants", {{"uid", 12345}, {"expires_in_s", 60}});
  ask("get", "/v1/grants/{name}", "/v1/grants/nothing");
  ask("delete", "/v1/grants/{name}", "/v1/grants/nothing");
  ask("delete", "/v1/contexts/{actor}", "/v1/contexts/nobody");
  ask("post", "/v1/incidents", "/v1/incidents", {{"scope", "tenant/nobody"}, {"reason", "a test"}});

  CHECK(description.left() == std::set<std::string>{});
  CHECK(description.good() > 30);  // refusals are described in one place for all, and say little
}
