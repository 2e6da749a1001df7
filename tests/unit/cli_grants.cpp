// Promise (docs/authority.md, "Grants"): what is typed after `cordon grant` is what is asked for, its secret is printed
// once and alone, and nothing that a client named reaches a terminal raw.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/failure.hpp"
#include "cli/grant_text.hpp"
#include "cli/options/options.hpp"
#include "tests/unit/cli_canned_server.hpp"
#include "tests/unit/cli_line.hpp"

using namespace cordon::cli;
using namespace cordon::cli::test;

namespace {

Choice parsed(const std::string& line) {
  return test::parsed(line, add_grant_commands, add_context_commands);
}

bool is_refused(const std::string& line) {
  try {
    parsed(line);
    return false;
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() != 0;
  }
}

const char* const hostile = "\x1b[2Jx\r\n\xc2\x9b\xe2\x80\xae";

Json grant(const Json& more = Json::object()) {
  Json out = Json::parse(R"({"name": "abc", "uid": 1000, "task": "T-17", "tools": ["mail", "lookup"], "profiles": null,
    "actions": [], "resources": ["mail/*"], "data_classes": null, "used": 1, "uses": 3, "expires_in_s": 60,
    "revoked_by": null, "made_by": "alice", "made_at": "2026-11-29T06:00:00Z", "expires_at": "2026-11-29T07:00:00Z"})");
  out.update(more);
  return out;
}

}  // namespace

TEST_CASE("the options of cordon grant become the request that the API takes, and no more than was asked for") {
  const auto all = parsed(
      "grant create --uid 1000 --actor a --tenant t --task T-17 --tool mail --tool lookup --profile strict --action "
      "external --resource mail/* --data-class pii --expires 60 --uses 3");
  CHECK(grant_request(all.grant) ==
        Json::parse(R"({"uid": 1000, "actor": "a", "tenant": "t", "task": "T-17", "tools": ["mail", "lookup"],
                        "profiles": ["strict"], "actions": ["external"], "resources": ["mail/*"],
                        "data_classes": ["pii"], "expires_s": 60, "uses": 3})"));
  CHECK(grant_request(parsed("grant create").grant) == Json::object());
  CHECK(grant_request(parsed("grant create --uid 0").grant) == Json::parse(R"({"uid": 0})"));
  CHECK(parsed("grant narrow --grant-file /x --uses 1").grant.secret_file == "/x");
  CHECK(parsed("grant list --json").session.json);
  CHECK(parsed("grant show abc").id == "abc");
  CHECK(parsed("grant revoke abc --kill").kill_too);
  CHECK_FALSE(parsed("grant revoke abc").kill_too);
  CHECK(parsed("context clear bob --task T-1").task == "T-1");
}

TEST_CASE("what cordon grant cannot mean is refused before anything is asked for") {
  for (const char* line :
       {"grant", "grant create --uid x", "grant create --uid -1", "grant create --uid 4294967296",
        "grant create --uses 0", "grant create --uses -1", "grant create --uses many", "grant create --expires 0",
        "grant create --expires 1.5", "grant create --tool mail lookup", "grant create --grant-file /x",
        "grant create --secret abc", "grant show", "grant revoke", "grant revoke a b", "context", "context clear"}) {
    INFO(line);
    CHECK(is_refused(line));
  }
}

TEST_CASE("grants are a line each, with what they name, what is used and how they stand") {
  const auto grants = Json::array({grant(), grant({{"name", "d"}, {"tools", nullptr}, {"uses", nullptr}}),
                                   grant({{"expires_in_s", 0}}), grant({{"revoked_by", "bob"}})});
  CHECK(grants_table(grants) ==
        "NAME  UID   TASK  TOOLS        PROFILES  USED      STATE\n"
        "abc   1000  T-17  mail,lookup  any       1 of 3    60 s left\n"
        "d     1000  T-17  any          any       1 of any  60 s left\n"
        "abc   1000  T-17  mail,lookup  any       1 of 3    expired\n"
        "abc   1000  T-17  mail,lookup  any       1 of 3    revoked by bob\n");
}

TEST_CASE("one grant is shown in full, and an empty list is not any") {
  const auto text = grant_text(grant());
  CHECK(text.starts_with("abc  60 s left\n  uid          1000\n  task         T-17\n"));
  CHECK(text.find("  tools        mail,lookup\n") != std::string::npos);
  CHECK(text.find("  profiles     any\n") != std::string::npos);
  CHECK(text.find("  actions      none\n") != std::string::npos);
  CHECK(text.ends_with("  used         1 of 3\n"));
}

TEST_CASE("what a client named in a grant or a context reaches no terminal raw", "[threat:terminal-escapes]") {
  const auto bad = grant({{"task", hostile},
                          {"tools", Json::array({hostile})},
                          {"actor", hostile},
                          {"made_by", hostile},
                          {"name", hostile},
                          {"revoked_by", hostile}});
  const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  CHECK(is_safe(grant_text(bad)));
  CHECK(lines(grant_text(bad)) == lines(grant_text(grant())) + 1);  // it has an actor
  CHECK(is_safe(grants_table(Json::array({bad}))));
  CHECK(lines(grants_table(Json::array({bad}))) == 2);
  CHECK(is_safe(minted_text(bad)));
  const auto contexts = Json::array({{{"actor", hostile},
                                      {"task", hostile},
                                      {"provenance", {{"trust", "untrusted"}, {"sources", Json::array({hostile})}}}}});
  CHECK(is_safe(contexts_table(contexts)));
  CHECK(lines(contexts_table(contexts)) == 2);
  CHECK(contexts_table(contexts).find("untrusted") != std::string::npos);
}

TEST_CASE("a grant's secret is all that is on standard output, and is asked for over the operators' socket") {
  CannedServer server({{"POST /v1/grants", {201, grant({{"grant", "5ec2e7"}}).dump()}}});
  GrantOptions options;
  options.uid = 1000;
  const auto said = printed([&] { return create_grant(server.session(), options); });
  CHECK(said.code == 0);
  CHECK(said.out == "5ec2e7\n");
  CHECK(said.err == "cordon: grant abc, 60 s left; its secret is above and is not shown again\n");
  CHECK(server.heard() == std::vector<std::string>{R"(operator POST /v1/grants {"uid":1000})"});
  const auto json = printed([&] { return create_grant(server.session(true), options); });
  CHECK(json.err.empty());
  CHECK(Json::parse(json.out).at("grant") == "5ec2e7");
}

TEST_CASE("a grant is narrowed over the agents' socket, with a secret out of a file or the environment") {
  CannedServer server({{"POST /v1/grants", {201, grant({{"grant", "5ec2e7"}}).dump()}}});
  GrantOptions options;
  ::unsetenv("CORDON_GRANT");
  CHECK_THROWS_AS(narrow_grant(server.session(), options), Failure);
  options.secret_file = "/nonexistent/secret";
  CHECK_THROWS_AS(narrow_grant(server.session(), options), Failure);
  CHECK(server.heard().empty());
  options.secret_file.clear();
  ::setenv("CORDON_GRANT", "from-environment", 1);
  CHECK(printed([&] { return narrow_grant(server.session(), options); }).out == "5ec2e7\n");
  options.secret_file = server.session().runtime_dir + "/secret";
  std::ofstream(options.secret_file) << "from-file\n";
  CHECK(printed([&] { return narrow_grant(server.session(), options); }).code == 0);
  ::unsetenv("CORDON_GRANT");
  CHECK(server.heard() == std::vector<std::string>{R"(agent POST /v1/grants {"parent":"from-environment"})",
                                                   R"(agent POST /v1/grants {"parent":"from-file"})"});
}

TEST_CASE("revoking exits 1 when a restart would not know of it") {
  const auto code = [](const std::string& body) {
    CannedServer server({{"DELETE /v1/grants/abc?kill=true", {200, body}}});
    const auto said = printed([&] { return revoke_grant(server.session(), "abc", true); });
    CHECK(said.out == "revoked 2, cut the network of 1, killed 1\n");
    return said.code;
  };
  const auto answer = [](const std::string& rest) {
    return R"({"revoked": ["abc", "d"], "cut": ["k"], "killed": ["j"])" + rest + "}";
  };
  CHECK(code(answer(R"(, "persisted": true, "all_cut": true)")) == 0);
  CHECK(code(answer(R"(, "persisted": false, "all_cut": true)")) == 1);
  CHECK(code(answer(R"(, "persisted": true, "all_cut": false)")) == 1);
  CHECK(code(answer("")) == 1);
}

TEST_CASE("lists of grants and contexts are for people, and in JSON for programs") {
  CannedServer server({{"GET /v1/grants", {200, Json{{"grants", Json::array({grant({{"task", hostile}})})}}.dump()}},
                       {"GET /v1/grants/abc", {200, grant({{"task", hostile}}).dump()}},
                       {"GET /v1/contexts", {200, R"({"contexts": []})"}},
                       {"DELETE /v1/contexts/bob?task=T%201", {200, "{}"}}});
  CHECK(printed([&] { return list_grants(server.session()); }).out.starts_with("NAME"));
  CHECK(printed([&] { return show_grant(server.session(), "abc"); }).out.starts_with("abc  60 s left\n"));
  CHECK(printed([&] { return list_contexts(server.session()); }).out == "ACTOR  TASK  TRUST  SOURCES  DATA CLASSES\n");
  CHECK(printed([&] { return clear_context(server.session(), "bob", "T 1"); }).out == "cleared\n");
  const auto json = printed([&] { return list_grants(server.session(true)); }).out;
  CHECK(is_safe(json));
  CHECK(Json::parse(json).at(0).at("task") == hostile);
  CHECK(Json::parse(printed([&] { return show_grant(server.session(true), "abc"); }).out).at("task") == hostile);
  CHECK(printed([&] { return list_contexts(server.session(true)); }).out == "[]\n");
}

TEST_CASE("what Cordon refuses of a grant is told with its remedy, and nothing of it raw") {
  CannedServer server(
      {{"GET /v1/grants/abc", {403, Json{{"title", "Forbidden"}, {"detail", hostile}, {"remedy", hostile}}.dump()}}});
  try {
    show_grant(server.session(), "abc");
    FAIL("it was not refused");
  } catch (const Failure& failure) {
    CHECK(std::string(failure.what()).starts_with("Forbidden: "));
    CHECK(is_safe(failure.what()));
    CHECK(is_safe(failure.remedy));
    CHECK(Json::parse(failure.problem).at("title") == "Forbidden");
  }
}
