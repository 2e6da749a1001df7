// `cordon approvals`, `approve` and `deny`: what waits for people, whole, and with nothing of it raw on a terminal.
#include <fmt/format.h>

#include "cli/approval_text.hpp"
#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"

namespace cordon::cli {
namespace {

std::string path_of(const std::string& id) {
  return "/v1/approvals/" + percent_encoded(id);
}

Json decide(const Session& session, const std::string& id, const Json& decision) {
  return operator_client(session).get_json({"POST", path_of(id), decision.dump()});
}

int answer(const Session& session, const Json& approval) {
  fmt::print("{}", session.json ? json_text(approval) + "\n" : approval_text(approval));
  return 0;
}

}  // namespace

int list_approvals(const Session& session, const std::string& id) {
  const auto client = operator_client(session);
  if (!id.empty()) return answer(session, client.get_json({.target = path_of(id)}));
  const auto approvals = client.get_json({.target = "/v1/approvals"}).at("approvals");
  if (session.json) {
    fmt::print("{}\n", json_text(approvals));
    return 0;
  }
  for (const auto& approval : approvals) fmt::print("{}\n", approval_text(approval));
  if (approvals.empty()) fmt::print("nothing waits for approval\n");
  return 0;
}

int approve_job(const Session& session, const ApproveOptions& options) {
  auto binding = options.binding;
  if (binding.empty()) {
    const auto shown = operator_client(session).get_json({.target = path_of(options.id)});
    if (!session.json) fmt::print("{}\n", approval_text(shown));
    binding = shown.at("binding_sha256").get<std::string>();
  }
  const auto done = decide(session, options.id, {{"decision", "approve"}, {"binding_sha256", binding}});
  if (session.json) return answer(session, done);
  const bool waits = done.value("state", "") == "waiting";
  fmt::print("approved{}\n", waits ? "; it needs others, too" : ": it goes on");
  return 0;
}

int deny_job(const Session& session, const std::string& id, const std::string& reason) {
  if (reason.empty() || reason.find_first_of("\n\r") != std::string::npos)
    throw Failure("no reason in one line", "--reason TEXT: it is what whoever asked reads");
  const auto done = decide(session, id, {{"decision", "deny"}, {"reason", reason}});
  if (session.json) return answer(session, done);
  fmt::print("denied\n");
  return 0;
}

}  // namespace cordon::cli
