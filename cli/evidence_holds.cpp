// `cordon evidence hold`, `holds`, `release-hold`: what retention may not delete.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/table.hpp"

namespace cordon::cli {
namespace {

std::string target_of(const std::string& scope) {
  return "/v1/evidence/holds/" + percent_encoded(scope);
}

int answer_with(const Session& session, const Json& answer, const std::string& text) {
  fmt::print("{}\n", session.json ? json_text(answer) : text);
  return 0;
}

}  // namespace

int hold_evidence(const Session& session, const HoldOptions& options) {
  const Json body = {{"reason", options.reason}};
  const auto answer = operator_client(session).get_json(
      {"PUT", target_of(options.scope), body.dump(), {"Content-Type: application/json"}});
  return answer_with(session, answer, "held: " + options.scope);
}

int release_hold(const Session& session, const HoldOptions& options) {
  const auto answer = operator_client(session).get_json({"DELETE", target_of(options.scope)});
  return answer_with(session, answer, "no longer held: " + options.scope);
}

int list_holds(const Session& session) {
  const auto answer = operator_client(session).get_json({.target = "/v1/evidence"});
  if (session.json) return answer_with(session, answer, "");
  std::vector<Row> rows;
  for (const auto& hold : answer.at("holds")) rows.push_back({hold.get<std::string>()});
  fmt::print("{}", table({"SCOPE"}, rows));
  return 0;
}

}  // namespace cordon::cli
