// Who is who and who may take how much, as operators write it down.
#include <catch2/catch.hpp>

#include "profiles/config.hpp"

using namespace cordon;
using namespace std::chrono_literals;

namespace {

std::string fault_at(std::string_view text) {
  const auto config = parse_config(text);
  return config ? "accepted" : config.error().at(0).pointer;
}

}  // namespace

TEST_CASE("without a word everybody is an actor of tenant default, and nobody is limited") {
  const auto config = parse_config("{}");
  REQUIRE(config);
  CHECK(config->actors.known.empty());
  CHECK(config->actors.unknown_tenant == "default");
  CHECK(config->admission.tenants.empty());
  CHECK(config->admission.reserve.memory_bytes == 256U << 20);
  CHECK(config->admission.breaker.identical.jobs == 0);
  CHECK(config->admission.breaker.identical_failures.jobs == 100);
  CHECK(config->admission.breaker.failures.jobs == 100);
}

TEST_CASE("actors are read") {
  const auto config = parse_config(R"({"unknown_actors": "deny", "actors": [
    {"name": "builder", "tenant": "ci", "uids": [1001, 1002], "gids": [2000], "roles": ["agent"]},
    {"name": "ann", "uids": [0]}]})");
  REQUIRE(config);
  CHECK(!config->actors.unknown_tenant);
  REQUIRE(config->actors.known.size() == 2);
  const auto& builder = config->actors.known[0];
  CHECK(builder.tenant == "ci");
  CHECK(builder.uids == std::vector<std::uint32_t>{1001, 1002});
  CHECK(builder.gids == std::vector<std::uint32_t>{2000});
  CHECK(builder.may_be_agent);
  CHECK(!builder.may_operate);
  CHECK(config->actors.known[1].tenant == "default");
  CHECK(config->actors.known[1].may_operate);
  CHECK(parse_config(R"({"unknown_actors": {"tenant": "guests"}})")->actors.unknown_tenant == "guests");
}

TEST_CASE("who would be two is a mistake, and so is nobody") {
  CHECK(fault_at(R"({"actors": [{"name": "a", "uids": [1]}, {"name": "b", "uids": [2, 1]}]})") == "/actors/1/uids/1");
  CHECK(fault_at(R"({"actors": [{"name": "a", "gids": [1]}, {"name": "b", "gids": [1]}]})") == "/actors/1/gids/0");
  CHECK(fault_at(R"({"actors": [{"name": "a", "uids": [1]}, {"name": "a", "uids": [2]}]})") == "/actors/1/name");
  CHECK(fault_at(R"({"actors": [{"name": "a", "uids": [65534]}]})") == "/actors/0/uids/0");
  CHECK(fault_at(R"({"actors": [{"name": "a", "gids": [65534]}]})") == "/actors/0/gids/0");
  CHECK(fault_at(R"({"actors": [{"name": "a", "uids": [4294967295]}]})") == "/actors/0/uids/0");
  CHECK(fault_at(R"({"actors": [{"name": "a"}]})") == "/actors/0/uids");
  CHECK(fault_at(R"({"actors": [{"name": "uid:7", "uids": [7]}]})") == "/actors/0/name");
  CHECK(fault_at(R"({"actors": [{"uids": [7]}]})") == "/actors/0/name");
  CHECK(fault_at(R"({"actors": [{"name": "a", "uids": [7], "roles": ["admin"]}]})") == "/actors/0/roles");
  CHECK(fault_at(R"({"actors": [{"name": "a", "uids": [7], "roles": []}]})") == "/actors/0/roles");
  CHECK(fault_at(R"({"unknown_actors": "allow"})") == "/unknown_actors");
  CHECK(fault_at(R"({"unknown_actors": {}})") == "/unknown_actors/tenant");
}

TEST_CASE("every limit of a tenant is read, in the units of its name") {
  const auto config =
      parse_config(R"({"admission": {"tenants": {"default": {"weight": 3, "max_running": 4, "max_queued": 0,
    "rate": {"jobs_per_second": 0.5, "burst": 6},
    "budgets": {"cpu_seconds": {"per_hour": 7, "per_day": 8}, "artifact_bytes": {"per_day": 9}}}}}})");
  REQUIRE(config);
  const auto& allowed = config->admission.tenants.at("default");
  CHECK(allowed.weight == 3);
  CHECK(allowed.max_running == 4U);
  CHECK(allowed.max_queued == 0U);
  CHECK(allowed.rate == Rate{500, 6});
  CHECK(allowed.budgets == std::vector<BudgetRule>{{Resource::cpu, Window::hour, 7'000'000},
                                                   {Resource::cpu, Window::day, 8'000'000},
                                                   {Resource::artifacts, Window::day, 9}});
}

TEST_CASE("limits of actors, tools, profiles, of each one that is not named, and the host's reserve are read") {
  const auto config = parse_config(R"({"admission": {"actors": {"*": {"max_running": 1}, "uid:7": {"max_running": 2}},
    "tools": {"browse": {"max_running": 3}}, "profiles": {"compile": {"max_running": 4}}, "tenants": {"*": {"weight": 5}},
    "host_reserve": {"memory_bytes": 0, "pids": 100},
    "circuit_breaker": {"identical": {"jobs": 10, "seconds": 20}, "failures": "off", "open_seconds": 5}}})");
  REQUIRE(config);
  const auto& rules = config->admission;
  CHECK(rules.actors.at("*").max_running == 1U);
  CHECK(rules.actors.at("uid:7").max_running == 2U);
  CHECK(rules.tools.at("browse").max_running == 3U);
  CHECK(rules.profiles.at("compile").max_running == 4U);
  CHECK(rules.tenants.at("*").weight == 5);
  CHECK(rules.reserve.memory_bytes == 0);
  CHECK(rules.reserve.pids == 100);
  CHECK(rules.breaker.identical == CircuitRule{10, 20s});
  CHECK(rules.breaker.identical_failures == BreakerRules{}.identical_failures);
  CHECK(rules.breaker.failures.jobs == 0);
  CHECK(rules.breaker.open == 5s);
  const auto off = parse_config(R"({"admission": {"circuit_breaker": "off"}})")->admission.breaker;
  CHECK(off.identical.jobs + off.identical_failures.jobs + off.failures.jobs == 0);
}

TEST_CASE("a limit that would hold for nobody, or that nobody can mean, is a mistake") {
  const auto tenant = [](const std::string& members) {
    return fault_at(R"({"admission": {"tenants": {"default": {)" + members + "}}}}").substr(26);
  };
  CHECK(fault_at(R"({"admission": {"tenants": {"ci": {}}}})") == "/admission/tenants/ci");
  CHECK(fault_at(R"({"admission": {"actors": {"builder": {}}}})") == "/admission/actors/builder");
  CHECK(fault_at(R"({"admission": {"actors": {"uid:x": {}}}})") == "/admission/actors/uid:x");
  CHECK(fault_at(R"({"unknown_actors": "deny", "admission": {"tenants": {"default": {}}}})") ==
        "/admission/tenants/default");
  CHECK(fault_at(R"({"admission": {"actors": {"*": {"weight": 2}}}})") == "/admission/actors/*/weight");
  CHECK(tenant(R"("weight": 0)") == "/weight");
  CHECK(tenant(R"("max_running": 0)") == "/max_running");
  CHECK(tenant(R"("max_runing": 1)") == "/max_runing");
  CHECK(tenant(R"("rate": {"burst": 1})") == "/rate/jobs_per_second");
  CHECK(tenant(R"("rate": {"jobs_per_second": 0})") == "/rate/jobs_per_second");
  CHECK(tenant(R"("rate": {"jobs_per_second": 1e300})") == "/rate/jobs_per_second");
  CHECK(tenant(R"("rate": {"jobs_per_second": 0.0005})") == "/rate/jobs_per_second");
  CHECK(tenant(R"("rate": {"jobs_per_second": 1, "burst": 0})") == "/rate/burst");
  CHECK(tenant(R"("budgets": {"cpu": {}})") == "/budgets/cpu");
  CHECK(tenant(R"("budgets": {"jobs": {"per_week": 1}})") == "/budgets/jobs/per_week");
  CHECK(tenant(R"("budgets": {"jobs": {"per_day": 0}})") == "/budgets/jobs/per_day");
  CHECK(tenant(R"("budgets": {"cpu_seconds": {"per_day": 9007199254740991}})") == "/budgets/cpu_seconds/per_day");
  CHECK(fault_at(R"({"admission": {"circuit_breaker": {"failures": {"jobs": 1, "seconds": 1}}}})") ==
        "/admission/circuit_breaker/failures/jobs");
  CHECK(fault_at(R"({"admission": {"circuit_breaker": true}})") == "/admission/circuit_breaker");
}
