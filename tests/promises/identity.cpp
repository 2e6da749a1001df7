// Promise (api.md, "Sockets and instances"): who asks is what the kernel says, and each sees only what is theirs.
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

Answer ask(const Instance& cordon, const Credentials& who, const std::string& method, const std::string& target,
           const Json& body = Json()) {
  return cordon.request({.method = method, .target = target, .body = body.is_null() ? "" : body.dump(), .as = who});
}

}  // namespace

TEST_CASE("another agent's job is not there, and cannot be cancelled, watched or read", "[threat:peer-identity]") {
  const Instance cordon;
  const Json wish{{"argv", Json::array({"echo", "mine"})}, {"wait", true}};
  const auto mine = ask(cordon, cordon.agent(1), "POST", "/v1/jobs", wish);
  REQUIRE(mine.status == 200);
  const auto path = "/v1/jobs/" + mine.json().at("id").get<std::string>();
  CHECK(ask(cordon, cordon.agent(1), "GET", path).status == 200);
  for (const char* what : {"", "/stdout", "/events", "/artifacts/x"}) {
    INFO(what);
    CHECK(ask(cordon, cordon.agent(2), "GET", path + what).status == 404);
  }
  CHECK(ask(cordon, cordon.agent(2), "DELETE", path).status == 404);
  CHECK(ask(cordon, cordon.agent(2), "GET", "/v1/jobs").json().at("jobs").empty());
  CHECK(ask(cordon, cordon.agent(1), "GET", "/v1/jobs").json().at("jobs").size() == 1);
}

TEST_CASE("an operator sees and ends every job") {
  const Instance cordon;
  const Json wish{{"argv", Json::array({"sleep", "60"})}, {"wait", false}};
  const auto job = ask(cordon, cordon.agent(1), "POST", "/v1/jobs", wish);
  REQUIRE(job.status == 202);
  const auto path = "/v1/jobs/" + job.json().at("id").get<std::string>();
  const auto as_operator = [&](const std::string& method, const std::string& target) {
    return call(cordon.operator_socket(), {.method = method, .target = target, .as = cordon.operator_person()});
  };
  CHECK(as_operator("GET", path).status == 200);
  CHECK(as_operator("GET", "/v1/jobs").json().at("jobs").size() == 1);
  CHECK(as_operator("DELETE", path).json().at("outcome").at("kind") == "cancelled");
}

TEST_CASE("who is not of a socket's group cannot even connect", "[threat:peer-identity]") {
  const Instance cordon;
  CHECK_THROWS(ask(cordon, cordon.stranger(), "GET", "/healthz"));
  CHECK_THROWS(call(cordon.operator_socket(), {.target = "/healthz", .as = cordon.agent(1)}));
  CHECK_THROWS(call(cordon.launcher_socket(), {.target = "/healthz", .as = cordon.agent(1)}));
}

TEST_CASE("the overflow uid is nobody, whatever its groups", "[threat:fail-open]") {
  const Instance cordon;
  auto nobody = cordon.agent(1);
  nobody.uid = 65534;
  bool served = true;
  try {
    served = ask(cordon, nobody, "GET", "/healthz").status == 200;
  } catch (const std::exception&) {
    served = false;
  }
  CHECK(!served);
}

TEST_CASE("sockets and directories have the owners and modes that api.md promises", "[threat:peer-identity]") {
  const Instance cordon;
  struct stat info {};
  const auto mode_of = [&](const std::string& path) {
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777U;
  };
  CHECK(mode_of(cordon.agent_socket()) == 0660);
  CHECK(info.st_gid == cordon.agent(1).groups[0]);
  CHECK(mode_of(cordon.operator_socket()) == 0660);
  CHECK(info.st_gid == cordon.operator_person().groups[0]);
  CHECK(mode_of(cordon.launcher_socket()) == 0600);
  CHECK(mode_of(cordon.runtime_dir()) == 01775);
  CHECK(mode_of(cordon.directory() + "/state/daemon") == 0700);
}
