// `cordon call`, and what follows from calls: `cordon settle`, `cordon compensate`.
#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/terminal.hpp"
#include "profiles/strict_json.hpp"

namespace cordon::cli {
namespace {

// "-": our standard input.
Json input_of(const std::string& written) {
  const auto text = written == "-" ? read_everything(STDIN_FILENO, "standard input") : written;
  auto input = parse_strict_json(text);
  if (!input)
    throw Failure(
        fmt::format("the input is no JSON: {} {}", input.error().front().pointer, input.error().front().detail),
        R"(cordon call TOOL '{"key": "value"}', or - to read it from standard input)");
  return std::move(*input);
}

Json body_of(const CallOptions& options) {
  Json body = {{"input", input_of(options.input)}, {"wait", true}};
  if (options.dry_run) body["dry_run"] = true;
  if (!options.grant.empty()) body["grant"] = options.grant;
  if (!options.limits.empty() || !options.files.empty() || !options.labels.empty()) {
    JobWish wish;
    wish.limits = options.limits;
    wish.files = options.files;
    wish.labels = options.labels;
    const auto request = parse_answer(job_request(wish));
    for (const char* key : {"limits", "files", "labels"})
      if (request.contains(key)) body[key] = request.at(key);
  }
  return body;
}

// The tool's answer for programs and people; what it wrote otherwise, as it may be shown.
int tell(const Session& session, const Json& job) {
  const auto outcome = job.value("outcome", Json());
  if (session.json) {
    fmt::print("{}\n", json_text(job));
    return exit_code_of(outcome);
  }
  const auto call = job.value("call", Json::object());
  if (call.contains("output") && !call.at("output").is_null()) {
    fmt::print("{}\n", json_text(call.at("output")));
  } else if (outcome.value("kind", "") == "exited") {
    fmt::print("{}", for_terminal(job.value("stdout", "")));
  }
  for (const auto& effect : call.value("unexpected_side_effects", Json::array()))
    fmt::print(stderr, "cordon: unexpected side effect: {}\n", for_one_line(effect.get<std::string>()));
  if (const auto reason = reason_of(outcome); !reason.empty()) fmt::print(stderr, "cordon: {}\n", reason);
  if (job.value("state", "") == "awaiting_approval")
    fmt::print(stderr, "cordon: job {} waits for an approval\n", job.value("id", ""));
  return exit_code_of(outcome);
}

}  // namespace

int call_tool(const Session& session, const CallOptions& options) {
  Request request{"POST", "/v1/tools/" + percent_encoded(options.tool) + "/calls", body_of(options).dump()};
  if (!options.idempotency_key.empty()) request.headers.push_back("Idempotency-Key: " + options.idempotency_key);
  const auto answer = agent_client(session).get_json(request);
  if (!options.dry_run) return tell(session, answer);
  fmt::print("{}\n", json_text(answer));
  return 0;
}

int settle_job(const Session& session, const std::string& id, const std::string& as) {
  const auto answer = operator_client(session).get_json(
      {"POST", "/v1/jobs/" + percent_encoded(id) + "/settlement", Json{{"as", as}}.dump()});
  fmt::print("{}\n", session.json ? json_text(answer) : fmt::format("{}: {}", for_one_line(id), as));
  return 0;
}

int compensate_job(const Session& session, const std::string& id) {
  return tell(session,
              operator_client(session).get_json({"POST", "/v1/jobs/" + percent_encoded(id) + "/compensation"}));
}

}  // namespace cordon::cli
