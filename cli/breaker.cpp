// `cordon breaker list` and `cordon breaker reset`: circuits that stopped a loop.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/table.hpp"

namespace cordon::cli {

int list_breakers(const Session& session) {
  const auto breakers = broadest_client(session).get_json({.target = "/v1/breakers"}).at("breakers");
  if (session.json) {
    fmt::print("{}\n", json_text(breakers));
    return 0;
  }
  std::vector<Row> rows;
  for (const auto& breaker : breakers) {
    const auto tool = breaker.at("tool").is_string() ? breaker.at("tool").get<std::string>() : "";
    rows.push_back({breaker.value("actor", ""), tool, breaker.value("profile", ""), breaker.value("rule", ""),
                    breaker.value("state", ""), fmt::format("{} s", breaker.value("retry_after", 0))});
  }
  fmt::print("{}", table({"ACTOR", "TOOL", "PROFILE", "RULE", "STATE", "RETRY AFTER"}, rows));
  return 0;
}

int reset_breaker(const Session& session, const std::string& actor) {
  const auto answer = broadest_client(session).get_json({"DELETE", "/v1/breakers/" + percent_encoded(actor)});
  fmt::print("{}\n", session.json ? json_text(answer) : fmt::format("{} closed", answer.at("reset").dump()));
  return 0;
}

}  // namespace cordon::cli
