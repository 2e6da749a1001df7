// Policy (issue "Governed tools", 4, 5 and 10): the most severe rule that matches decides, and what is experimental
// only tightens.
#include <catch2/catch.hpp>

#include "profiles/config.hpp"
#include "supervisor/authority/ruling.hpp"

using namespace cordon;

namespace {

tl::expected<Config, FieldErrors> configured(const std::string& policy) {
  return parse_config(
      R"({"actors": [{"name": "alice", "uids": [70001]}, {"name": "bob", "uids": [70002]}], "policy": )" + policy +
      "}");
}

AuthorityPolicy policy_of(const std::string& text) {
  const auto config = configured(text);
  INFO((config ? "" : config.error().at(0).pointer + " " + config.error().at(0).detail));
  REQUIRE(config);
  return config->policy;
}

std::string pointer_of(const std::string& text) {
  const auto config = configured(text);
  return config ? "accepted" : config.error().at(0).pointer;
}

std::string rule(const std::string& when, const std::string& then, const std::string& more = "") {
  static int number = 0;
  return R"({"name": "r)" + std::to_string(++number) + R"(", "why": "w", "when": )" + when + R"(, "then": )" + then +
         more + "}";
}

std::string rules(std::initializer_list<std::string> all, const std::string& more = "") {
  std::string out;
  for (const auto& one : all) out += (out.empty() ? "" : ", ") + one;
  return R"({"rules": [)" + out + "]" + more + "}";
}

Proposal a_job() {
  Proposal proposal;
  proposal.actor = "agent";
  proposal.tenant = "default";
  proposal.profile = "default";
  proposal.image = "host";
  proposal.data.tenants = {"default"};
  return proposal;
}

Proposal a_call(const char* tool, SideEffects effects) {
  auto proposal = a_job();
  proposal.tool = tool;
  proposal.side_effects = effects;
  return proposal;
}

constexpr auto hold = R"({"require_approval": {}})";

}  // namespace

TEST_CASE("without a policy everything is allowed") {
  CHECK(judge(AuthorityPolicy{}, a_job()).verb == Verb::allow);
  CHECK(judge(Config{}.policy, a_call("mail", SideEffects::external)).verb == Verb::allow);
}

TEST_CASE("of the rules that match, the most severe decides, wherever it stands") {
  const auto policy = policy_of(rules({rule("{}", R"("allow")"), rule("{}", R"("refuse")"), rule("{}", hold)}));
  const auto ruled = judge(policy, a_job());
  CHECK(ruled.verb == Verb::refuse);
  CHECK(ruled.rule == policy.rules[1].name);
  CHECK(ruled.needs.empty());
}

TEST_CASE("every rule that asks for approval is a need of its own") {
  const auto policy =
      policy_of(rules({rule("{}", hold), rule(R"({"profiles": ["default"]})", hold), rule("{}", R"("allow")")}));
  CHECK(judge(policy, a_job()).needs.size() == 2);
}

TEST_CASE("what no rule speaks of is as \"otherwise\" says, and a rule that allows is an exception from it") {
  const auto policy =
      policy_of(rules({rule(R"({"profiles": ["strict"]})", R"("allow")")}, R"(, "otherwise": "refuse")"));
  CHECK(judge(policy, a_job()).verb == Verb::refuse);
  CHECK(judge(policy, a_job()).rule == "otherwise");
  auto strict = a_job();
  strict.profile = "strict";
  CHECK(judge(policy, strict).verb == Verb::allow);
}

TEST_CASE("a rule matches only when all that it names holds") {
  struct Row {
    const char* when;
    bool job, mail;  // a plain job; a call of an external tool with untrusted personal data of another tenant
  };
  const auto row = GENERATE(
      Row{"{}", true, true}, Row{R"({"tools": ["mail"]})", false, true}, Row{R"({"tools": ["*"]})", false, true},
      Row{R"({"side_effects": ["external", "financial"]})", false, true},
      Row{R"({"side_effects": ["read_only"]})", false, false}, Row{R"({"profiles": ["default"]})", true, true},
      Row{R"({"profiles": ["other"]})", false, false}, Row{R"({"images": ["host"]})", true, true},
      Row{R"({"actors": ["uid:7"]})", false, false}, Row{R"({"tenants": ["default"]})", true, true},
      Row{R"({"trust": "untrusted"})", false, true}, Row{R"({"data_classes": ["pii"]})", false, true},
      Row{R"({"data_classes": ["*"]})", false, true}, Row{R"({"crosses_tenant": true})", false, true},
      Row{R"({"grant": "none"})", true, false}, Row{R"({"labels": {"task": "T"}})", false, true},
      Row{R"({"labels": {"task": "*"}})", false, true}, Row{R"({"labels": {"task": "U"}})", false, false},
      Row{R"({"resources": ["mail/*"]})", false, true},
      Row{R"({"tools": ["mail"], "data_classes": ["secret"]})", false, false});
  auto mail = a_call("mail", SideEffects::external);
  mail.data = {true, {"fetch"}, {"pii"}, {"default", "another"}};
  mail.resources = {"mail/everybody"};
  mail.labels = {{"task", "T"}};
  mail.has_grant = true;
  const auto policy = policy_of(rules({rule(row.when, R"("refuse")")}));
  INFO(row.when);
  CHECK((judge(policy, a_job()).verb == Verb::refuse) == row.job);
  CHECK((judge(policy, mail).verb == Verb::refuse) == row.mail);
}

TEST_CASE("an experimental rule can tighten and not loosen", "[governed:experimental]") {
  CHECK(pointer_of(rules({rule("{}", R"("allow")", R"(, "experimental": true)")})) == "/policy/rules/0/then");
  const auto refused = policy_of(rules({rule("{}", R"("refuse")"), rule("{}", hold, R"(, "experimental": true)")}));
  CHECK(judge(refused, a_job()).verb == Verb::refuse);
  const auto by_default =
      policy_of(rules({rule("{}", hold, R"(, "experimental": true)")}, R"(, "otherwise": "refuse")"));
  CHECK(judge(by_default, a_job()).verb == Verb::refuse);  // that it matches is no exception from "otherwise"
  const auto allowed =
      policy_of(rules({rule("{}", R"("allow")"), rule("{}", R"("refuse")", R"(, "experimental": true)")}));
  CHECK(judge(allowed, a_job()).verb == Verb::refuse);
}

TEST_CASE("a policy that could not hold is refused with its pointer") {
  struct Row {
    std::string policy, pointer;
  };
  const auto row = GENERATE_COPY(
      Row{R"({"rules": [{"name": "x", "why": "w", "then": "refuse"}]})", "/policy/rules/0/when"},
      Row{rules({rule(R"({"tool": ["x"]})", hold)}), "/policy/rules/0/when/tool"},
      Row{rules({rule(R"({"side_effects": ["bad"]})", hold)}), "/policy/rules/0/when/side_effects/0"},
      Row{rules({rule(R"({"actors": ["carol"]})", hold)}), "/policy/rules/0/when/actors/0"},
      Row{rules({rule(R"({"tenants": ["none"]})", hold)}), "/policy/rules/0/when/tenants/0"},
      Row{rules({rule(R"({"trust": "trusted"})", hold)}), "/policy/rules/0/when/trust"},
      Row{rules({rule("{}", R"("hold")")}), "/policy/rules/0/then"},
      Row{rules({rule("{}", R"({"require_approval": {"by": ["nobody"]}})")}),
          "/policy/rules/0/then/require_approval/by/0"},
      Row{rules({rule("{}", R"({"require_approval": {"people": 0}})")}),
          "/policy/rules/0/then/require_approval/people"},
      Row{rules({rule("{}", R"({"require_approval": {"expires_s": 99999999}})")}),
          "/policy/rules/0/then/require_approval/expires_s"},
      Row{rules({rule("{}", R"({"require_approval": {"by": ["sec"], "people": 3}})")},
                R"(, "roles": {"sec": {"actors": ["alice", "bob"]}})"),
          "/policy/rules/0/then/require_approval/people"},
      Row{R"({"roles": {"sec": {"actors": ["carol"]}}})", "/policy/roles/sec/actors/0"},
      Row{R"({"roles": {"sec": {}}})", "/policy/roles/sec"}, Row{R"({"monitors": ["carol"]})", "/policy/monitors/0"},
      Row{R"({"otherwise": "perhaps"})", "/policy/otherwise"}, Row{R"({"extra": 1})", "/policy/extra"});
  INFO(row.policy);
  CHECK(pointer_of(row.policy) == row.pointer);
}

TEST_CASE("a policy's digest is that of what it says, not of how it is written") {
  const auto one = policy_of(R"({"otherwise": "allow", "owners": {"policy": "ops"}})");
  CHECK(one.digest == policy_of("{ /* why */ \"owners\": {\"policy\": \"ops\"},  \"otherwise\": \"allow\" }").digest);
  CHECK(one.digest != policy_of(R"({"otherwise": "refuse", "owners": {"policy": "ops"}})").digest);
}

TEST_CASE("labels are joined and never taken away") {
  Provenance all{false, {"read"}, {"pii"}, {"a"}};
  all.join({true, {"fetch"}, {}, {"b"}});
  all.join({});
  CHECK(all == Provenance{true, {"fetch", "read"}, {"pii"}, {"a", "b"}});
  CHECK(provenance_of(to_json(all)) == all);
  CHECK(provenance_of(Json::parse(R"({"sources": []})")).untrusted);  // who does not say is not vouched for
}
