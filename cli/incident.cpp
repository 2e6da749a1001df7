// `cordon incident open` and `cordon governance`.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/kill_receipt.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

std::string text_of(const Json& value) {
  if (value.is_null()) return "nobody";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_step(const Json& step) {
  fmt::print("{:<16}{}\n", for_one_line(step.value("step", "")), step.value("done", false) ? "done" : "NOT DONE");
  if (step.contains("receipt")) {
    auto receipt = step.at("receipt");
    receipt["way"] = "cordond";
    fmt::print("{}", receipt_text(receipt));
  }
  for (const auto& name : step.value("revoked", Json::array())) fmt::print("  grant {}\n", for_one_line(text_of(name)));
  const auto why = step.value("why", "");
  if (!why.empty()) fmt::print("  {}\n", for_one_line(why));
}

bool is_done(const Json& incident) {
  for (const auto& step : incident.at("steps"))
    if (!step.value("done", false)) return false;
  return true;
}

}  // namespace

int open_incident(const Session& session, const std::string& scope, const std::string& reason) {
  if (reason.empty() || reason.find_first_of("\n\r") != std::string::npos)
    throw Failure("no reason in one line", "--reason TEXT: it is what the jobs' owners read");
  const Json request = {{"scope", scope}, {"reason", reason}};
  const auto incident = operator_client(session).get_json({"POST", "/v1/incidents", request.dump()});
  if (session.json) {
    fmt::print("{}\n", json_text(incident));
    return is_done(incident) ? 0 : 1;
  }
  fmt::print("incident {} on {}, opened {} by {}: {}\n", for_one_line(incident.value("id", "")),
             for_one_line(incident.value("scope", "")), incident.value("opened_at", ""),
             for_one_line(incident.value("by", "")), for_one_line(incident.value("reason", "")));
  for (const auto& step : incident.at("steps")) print_step(step);
  return is_done(incident) ? 0 : 1;
}

int show_governance(const Session& session) {
  const auto answer = operator_client(session).get_json({.target = "/v1/governance"});
  if (session.json) {
    fmt::print("{}\n", json_text(answer));
    return 0;
  }
  std::vector<Row> owners, controls;
  for (const auto& one : answer.at("owners"))
    owners.push_back({one.value("concern", ""), text_of(one.value("owner", Json()))});
  for (const auto& one : answer.at("controls"))
    controls.push_back({one.value("control", ""), one.value("status", ""), text_of(one.value("effect", Json())),
                        one.value("what", "")});
  fmt::print("{}\n{}\npolicy {}\n", table({"CONCERN", "OWNER"}, owners),
             table({"CONTROL", "STATUS", "EFFECT", "WHY"}, controls), answer.value("policy_sha256", ""));
  return 0;
}

}  // namespace cordon::cli
