#include "tests/promises/people.hpp"

#include <catch2/catch.hpp>
#include <csignal>

namespace cordon::test {
namespace {

const std::vector<std::string> json{"Content-Type: application/json"};

Call call_of(const Credentials& who, const std::string& method, const std::string& target, const Json& body) {
  return {.method = method, .target = target, .body = body.is_null() ? "" : body.dump(), .headers = json, .as = who};
}

}  // namespace

Credentials as_person(const Instance& cordon, Credentials who) {
  who.groups = cordon.operator_person().groups;
  return who;
}

Credentials person(const Instance& cordon, unsigned number) {
  return as_person(cordon, cordon.agent(20 + number));
}

std::string actor_of(const Credentials& who) {
  return "uid:" + std::to_string(who.uid);
}

Answer as_operator(const Instance& cordon, const Credentials& who, const std::string& method, const std::string& target,
                   const Json& body) {
  return call(cordon.operator_socket(), call_of(who, method, target, body));
}

Answer as_operator(const Instance& cordon, const std::string& method, const std::string& target, const Json& body) {
  return as_operator(cordon, person(cordon), method, target, body);
}

Answer as_agent(const Instance& cordon, unsigned who, const std::string& method, const std::string& target,
                const Json& body) {
  return cordon.request(call_of(cordon.agent(who), method, target, body));
}

Json seen(const Instance& cordon, const std::string& id) {
  const auto answer = as_operator(cordon, "GET", "/v1/jobs/" + id);
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return answer.json();
}

Json ended(const Instance& cordon, const std::string& id) {
  const auto answer = as_operator(cordon, "GET", "/v1/jobs/" + id + "?wait=50");
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  REQUIRE(answer.json().at("state") == "finished");
  return answer.json();
}

bool comes_to(const Instance& cordon, const std::string& id, const std::string& state) {
  return eventually([&] { return seen(cordon, id).at("state") == state; });
}

void crash_and_restart(Instance& cordon) {
  cordon.daemon().signal(SIGKILL);
  REQUIRE(cordon.daemon().wait(std::chrono::seconds(10)));
  cordon.start_daemon();
}

}  // namespace cordon::test
