#include "supervisor/http/routes.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "profiles/json_reader.hpp"

namespace cordon {
namespace {

enum class Who { everybody, operators, watchers };  // watchers: operators, and whoever scrapes the metrics listener

struct Route {
  std::string_view method;   // HEAD is answered where GET is
  std::string_view pattern;  // "*" is one segment, "**" the rest
  Who who;
  std::string_view query;  // the parameters it knows, with a space behind each
  Handler handler;
};

constexpr std::array routes{
    Route{"POST", "/v1/jobs", Who::everybody, "", submit_job},
    Route{"GET", "/v1/jobs", Who::everybody, "state limit after ", list_jobs},
    Route{"GET", "/v1/jobs/*", Who::everybody, "wait ", get_job},
    Route{"DELETE", "/v1/jobs/*", Who::everybody, "", cancel_job},
    Route{"GET", "/v1/jobs/*/events", Who::everybody, "", get_events},
    Route{"GET", "/v1/jobs/*/stdout", Who::everybody, "", get_stdout},
    Route{"GET", "/v1/jobs/*/stderr", Who::everybody, "", get_stderr},
    Route{"GET", "/v1/jobs/*/artifacts/**", Who::everybody, "", get_artifact},
    Route{"GET", "/v1/profiles", Who::everybody, "", get_profiles},
    Route{"GET", "/v1/tools", Who::everybody, "", get_tools},
    Route{"GET", "/v1/tools/*", Who::everybody, "", get_tool},
    Route{"PUT", "/v1/tools/*", Who::operators, "", put_tool},
    Route{"POST", "/v1/tools/*/calls", Who::everybody, "", call_tool},
    Route{"POST", "/v1/tools/*/health", Who::operators, "", check_health},
    Route{"GET", "/v1/unsettled", Who::operators, "", list_unsettled},
    Route{"POST", "/v1/jobs/*/settlement", Who::operators, "", settle_job},
    Route{"POST", "/v1/jobs/*/compensation", Who::operators, "", compensate_job},
    Route{"GET", "/v1/info", Who::everybody, "", get_info},
    Route{"GET", "/healthz", Who::everybody, "", get_health},
    Route{"GET", "/v1/kill", Who::operators, "", list_kills},
    Route{"PUT", "/v1/kill/**", Who::operators, "", engage_kill},
    Route{"DELETE", "/v1/kill/**", Who::operators, "", release_kill},
    Route{"POST", "/v1/reload", Who::operators, "", reload_all},
    Route{"GET", "/v1/approvals", Who::operators, "", list_approvals},
    Route{"GET", "/v1/approvals/*", Who::operators, "", get_approval},
    Route{"POST", "/v1/approvals/*", Who::operators, "", decide_approval},
    Route{"POST", "/v1/grants", Who::everybody, "", make_grant},
    Route{"GET", "/v1/grants", Who::everybody, "", list_grants},
    Route{"GET", "/v1/grants/*", Who::everybody, "", get_grant},
    Route{"DELETE", "/v1/grants/*", Who::everybody, "kill ", revoke_grant},
    Route{"GET", "/v1/contexts", Who::operators, "", list_contexts},
    Route{"DELETE", "/v1/contexts/*", Who::operators, "task ", clear_context},
    Route{"POST", "/v1/incidents", Who::operators, "", open_incident},
    Route{"GET", "/v1/governance", Who::operators, "", get_governance},
    Route{"GET", "/v1/breakers", Who::operators, "", get_breakers},
    Route{"DELETE", "/v1/breakers/*", Who::operators, "", reset_breaker},
    Route{"GET", "/v1/events", Who::operators, "follow ", get_operator_events},
    Route{"GET", "/v1/evidence", Who::operators, "", get_evidence},
    Route{"PUT", "/v1/evidence/holds/**", Who::operators, "", hold_evidence},
    Route{"DELETE", "/v1/evidence/holds/**", Who::operators, "", release_evidence},
    Route{"GET", "/v1/evidence/jobs/*/statement", Who::operators, "entries ", get_statement},
    Route{"GET", "/metrics", Who::watchers, "", get_metrics},
};

// nullopt: another path.
std::optional<Parameters> match(std::string_view pattern, const std::vector<std::string>& segments) {
  Parameters open;
  std::size_t i = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const auto part = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(part.size());
    if (i == segments.size()) return std::nullopt;
    if (part == "**") {
      auto rest = segments[i++];
      for (; i < segments.size(); ++i) rest += "/" + segments[i];
      open.push_back(std::move(rest));
    } else if (part == "*") {
      open.push_back(segments[i++]);
    } else if (part != segments[i++]) {
      return std::nullopt;
    }
  }
  return i == segments.size() ? std::optional(open) : std::nullopt;
}

bool may_use(Role role, Who who) {
  switch (role) {
    case Role::agent:
      return who == Who::everybody;
    case Role::operator_:
      return true;
    case Role::scraper:
      break;
  }
  return who == Who::watchers;
}

struct Found {
  const Route* route;
  Parameters parameters;
};

Rejection method_not_allowed(const std::string& method, std::string allow) {
  Rejection r{405, "method_not_allowed", "Method not allowed", method + " is not answered here",
              "Use one of: " + allow};
  r.allow = std::move(allow);
  return r;
}

tl::expected<Found, Rejection> find_route(const Request& request) {
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string allow;
  for (const auto& route : routes) {
    if (!may_use(request.caller.role, route.who)) continue;
    auto parameters = match(route.pattern, request.target.segments);
    if (!parameters) continue;
    if (route.method == method) return Found{&route, std::move(*parameters)};
    allow.append(allow.empty() ? "" : ", ").append(route.method == "GET" ? "GET, HEAD" : route.method);
  }
  if (allow.empty()) return tl::unexpected(not_found("such path"));
  return tl::unexpected(method_not_allowed(request.method, std::move(allow)));
}

// A body must say that it is JSON. Without one there is nothing to say.
bool is_json(const Request& request) {
  if (!request.content_type) return false;
  auto type = request.content_type->substr(0, request.content_type->find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return type == "application/json";
}

bool knows(const Route& route, const std::string& parameter) {
  const auto at = (" " + std::string(route.query)).find(" " + parameter + " ");
  return at != std::string::npos && parameter.find(' ') == parameter.npos;
}

// What a call would not look at is not sent to it by somebody who knows what it does.
std::optional<Rejection> superfluous(const std::string& body) {
  const auto document = parse_strict_json(body);
  if (!document) return invalid_input(document.error());
  FieldErrors errors;
  ObjectReader in(*document, "", errors);
  in.refuse_unknown_keys();
  return errors.empty() ? std::nullopt : std::optional(invalid_input(std::move(errors)));
}

std::optional<Rejection> wrong_form(const Route& route, const Request& request) {
  for (const auto& [name, value] : request.target.query) {
    if (knows(route, name)) continue;
    return Rejection{400, "unknown_parameter", "The input is not valid", "there is no query parameter \"" + name + "\"",
                     route.query.empty() ? "This call takes none." : "There are: " + std::string(route.query)};
  }
  constexpr std::array<Handler, 9> with_body{submit_job, engage_kill,     call_tool,     put_tool,     settle_job,
                                             make_grant, decide_approval, open_incident, hold_evidence};
  const bool needs_body = std::find(with_body.begin(), with_body.end(), route.handler) != with_body.end();
  const bool takes_body = route.method == "POST" || route.method == "PUT";
  if (request.body.empty() && !needs_body) return std::nullopt;
  if (!takes_body || is_json(request)) return needs_body ? std::nullopt : superfluous(request.body);
  return Rejection{415, "unsupported_media_type", "Unsupported media type", "the body must be application/json",
                   "Send \"Content-Type: application/json\"."};
}

// A monitor is an experiment: it looks, and denies what waits; it kills. Nothing that it does lets anything more
// happen.
std::optional<Rejection> not_for_monitors(const Api& api, const Route& route, const Request& request) {
  if (request.caller.role != Role::operator_ || route.method == "GET") return std::nullopt;
  if (route.handler == decide_approval || route.handler == engage_kill || route.handler == revoke_grant)
    return std::nullopt;  // who decides about an approval looks whether it is a monitor
  const auto& monitors = api.catalog->config.policy.monitors;
  if (std::find(monitors.begin(), monitors.end(), request.caller.account.actor) == monitors.end()) return std::nullopt;
  return Rejection{403, "monitor_can_only_tighten", "Forbidden",
                   "a monitor looks, denies, kills and revokes, and no more",
                   "\"monitors\" of the policy says who is one."};
}

awaitable<Answer> dispatch(Api* api, RequestPtr request) {
  auto found = find_route(*request);
  if (!found) co_return tl::unexpected(std::move(found.error()));
  auto wrong = wrong_form(*found->route, *request);
  if (!wrong) wrong = not_for_monitors(*api, *found->route, *request);
  if (wrong) co_return tl::unexpected(std::move(*wrong));
  auto handled = found->route->handler(api, request, std::move(found->parameters));
  co_return co_await std::move(handled);
}

}  // namespace

void keep_refusal(Api* api, std::optional<std::uint32_t> uid, const Account& account, const Rejection& why) {
  if (!is_decision(why)) return;
  api->refusals.add(
      {uid, account, why.status, why.code, why.detail, why.tool, why.profile, api->catalog->config.policy.digest});
}

awaitable<Answer> answer(Api* api, RequestPtr request) {
  auto handling = dispatch(api, request);
  auto answered = co_await std::move(handling);
  if (!answered) keep_refusal(api, request->caller.uid, request->caller.account, answered.error());
  co_return answered;
}

}  // namespace cordon
