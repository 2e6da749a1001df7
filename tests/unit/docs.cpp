// Promise (style.md): no document that nothing keeps true. The configuration shown to operators is one that is
// accepted.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "profiles/config.hpp"

namespace {

std::string first_json_block(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(CORDON_SOURCE_DIR "/" + file).rdbuf();
  const auto page = text.str();
  const auto begin = page.find("```json\n") + 8;
  return page.substr(begin, page.find("```", begin) - begin);
}

}  // namespace

TEST_CASE("the configuration in docs/operations.md is accepted and shows the defaults") {
  const auto config = cordon::parse_config(first_json_block("docs/operations.md"));
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
}
