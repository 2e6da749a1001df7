// Promise (style.md): no document that nothing keeps true. The configuration shown to operators is one that is
// accepted.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <regex>
#include <sstream>
#include <vector>

#include "profiles/config.hpp"

namespace {

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(CORDON_SOURCE_DIR "/" + file).rdbuf();
  return std::move(text).str();
}

// Each place where the pattern's first group is found.
std::vector<std::string> all_of(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) found.push_back((*it)[1]);
  return found;
}

std::vector<std::string> json_blocks(const std::string& file) {
  const auto page = text_of(file);
  std::vector<std::string> blocks;
  for (auto at = page.find("```json\n"); at != page.npos; at = page.find("```json\n", at)) {
    at += 8;
    blocks.push_back(page.substr(at, page.find("```", at) - at));
  }
  return blocks;
}

}  // namespace

TEST_CASE("the configuration in docs/operations.md is accepted and shows the defaults") {
  const auto config = cordon::parse_config(json_blocks("docs/operations.md").at(0));
  REQUIRE(config);
  const cordon::Config defaults;
  CHECK(config->profile_dirs == defaults.profile_dirs);
  CHECK(config->first_uid == defaults.first_uid);
  CHECK(config->uid_count == defaults.uid_count);
  CHECK(config->max_running == defaults.max_running);
  CHECK(config->max_queued == defaults.max_queued);
  CHECK(config->retain_jobs == defaults.retain_jobs);
  CHECK(config->retain_bytes == defaults.retain_bytes);
  CHECK(config->max_connections_per_uid == defaults.max_connections_per_uid);
  CHECK(config->max_connections == defaults.max_connections);
  CHECK(config->operations.denial_burst == defaults.operations.denial_burst);
  CHECK(config->operations.trip_rules == defaults.operations.trip_rules);
  CHECK(config->images.count("bookworm") == 1);
  CHECK(config->ledger_user == defaults.ledger_user);
  CHECK(config->evidence == defaults.evidence);
  CHECK(config->actors.known.empty());
  CHECK(config->actors.unknown_tenant == defaults.actors.unknown_tenant);
  const auto &admission = config->admission, &shipped = defaults.admission;
  CHECK(admission.reserve.memory_bytes == shipped.reserve.memory_bytes);
  CHECK(admission.reserve.pids == shipped.reserve.pids);
  CHECK(admission.breaker.identical.jobs == shipped.breaker.identical.jobs);
  CHECK(admission.breaker.identical_failures == shipped.breaker.identical_failures);
  CHECK(admission.breaker.failures == shipped.breaker.failures);
  CHECK(admission.breaker.open == shipped.breaker.open);
}

TEST_CASE("every configuration in docs/operations.md is accepted") {
  const auto blocks = json_blocks("docs/operations.md");
  CHECK(blocks.size() >= 3);
  for (const auto& block : blocks) {
    const auto config = cordon::parse_config(block);
    INFO(block << (config ? "" : config.error().at(0).pointer + " " + config.error().at(0).detail));
    CHECK(config);
  }
}

TEST_CASE("the policy in docs/authority.md is accepted") {
  const auto config = cordon::parse_config(json_blocks("docs/authority.md").at(0));
  INFO((config ? "" : config.error().at(0).pointer + " " + config.error().at(0).detail));
  REQUIRE(config);
  CHECK(config->policy.rules.size() == 4);
}

// docs/metrics.md is held against a running daemon by promises/metrics.cpp.
TEST_CASE("the alert rules name metrics, outcomes and kinds of events that there are, and say what to do") {
  const auto rules = text_of("docs/alerts.yml"), metrics = text_of("docs/metrics.md"),
             events = text_of("docs/events.md");
  const auto names = all_of(rules, "((?:cordon|process)_[a-z_]+?)(?:_bucket)?[{\\[ ]");
  CHECK(names.size() >= 10);
  for (const auto& name : names) {
    INFO(name);
    CHECK(metrics.find("| `" + name + "` |") != metrics.npos);
  }
  const auto table = all_of(events, "`([a-z_]+)`");
  for (const auto& label : all_of(rules, "kind=~?\"([a-z_|]+)\"")) {
    std::istringstream words(label);
    for (std::string kind; std::getline(words, kind, '|');) {
      INFO(kind);
      CHECK(std::find(table.begin(), table.end(), kind) != table.end());
    }
  }
  const auto api = text_of("docs/openapi.json");
  for (const auto& outcome : all_of(rules, "outcome=\"([a-z_]+)\"")) {
    INFO(outcome);
    CHECK(api.find("\"" + outcome + "\"") != api.npos);
  }
  const auto count = all_of(rules, "- (alert): Cordon[A-Z]").size();
  CHECK(count >= 10);
  for (const char* part :
       {"(expr): [^ ]", "severity: (page|ticket)\\}", "summary: \"([^\"]+)\"", "action: \"([^\"]+)\""})
    CHECK(all_of(rules, part).size() == count);
}
