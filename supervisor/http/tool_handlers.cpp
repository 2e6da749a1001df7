// Tools: what there is, calling them, and what operators decide about them.
#include <algorithm>

#include "profiles/canonical_json.hpp"
#include "profiles/json_reader.hpp"
#include "profiles/limits_json.hpp"
#include "supervisor/http/api.hpp"
#include "supervisor/http/job_access.hpp"
#include "supervisor/http/json_answer.hpp"
#include "supervisor/http/operator_input.hpp"
#include "supervisor/http/submission.hpp"
#include "supervisor/jobs/job_json.hpp"
#include "supervisor/text/utf8.hpp"
#include "supervisor/tools/call_outcome.hpp"
#include "supervisor/tools/calling.hpp"
#include "supervisor/tools/tool_json.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

// What would be decided about it if it were made now.
Decision decision_about(const Api& api, const Caller& caller, const OrderedCall& call, const std::string& body) {
  const auto& ordered = call.ordered;
  const auto mandate = api.authority.rule({caller, ordered.order, ordered.grant, body});
  if (!mandate) return Refuse{mandate.error()};
  if (!mandate->approval) return Allow{};
  return Hold{why_held(*mandate->approval)};
}

awaitable<tl::expected<OrderedCall, Rejection>> order_wish(Api* api, Caller caller, CallWish wish) {
  auto ordering = order_call(&api->store, api->catalog, &api->tools, &api->tools.unsettled, caller, std::move(wish));
  co_return co_await std::move(ordering);
}

awaitable<tl::expected<Wanted, Rejection>> order_to_run(Api* api, Caller caller, CallWish wish) {
  auto body = wish.body;
  auto ordering = order_wish(api, caller, std::move(wish));
  auto call = co_await std::move(ordering);
  if (!call) co_return Refused(call.error());
  Wanted wanted{std::move(call->ordered), std::move(body)};
  co_return wanted;
}

bool says(const std::string& body, bool CallRequest::*what) {
  const auto read = parse_call_request(body);
  return read && (*read).*what;
}

bool call_waits(const std::string& body) {
  const auto read = parse_call_request(body);
  return read && read->rest.wait;
}

awaitable<Answer> plan_of(Api* api, RequestPtr request, CallWish wish) {
  auto ordering = order_wish(api, request->caller, wish);
  const auto call = co_await std::move(ordering);
  if (!call) co_return Refused(call.error());
  const auto decision = decision_about(*api, request->caller, *call, wish.body);
  co_return json_response(plan_json(call->ordered.order, decision));
}

tl::expected<LoadedToolPtr, Rejection> find_tool(const Api& api, const std::string& name) {
  const auto at = api.catalog->tools.find(name);
  if (at == api.catalog->tools.end()) return Refused(unknown_tool(name));
  return at->second;
}

Response tool_response(Api& api, const LoadedTool& tool) {
  return json_response(tool_json(tool, api.tools.status(tool), api.tools.state(tool.tool.name)));
}

}  // namespace

awaitable<Answer> submit_wish(Api* api, RequestPtr request, CallWish wish) {
  if (!is_utf8(wish.tool)) co_return Refused(unknown_tool(wish.tool));  // it has no canonical JSON
  Asked asked;
  // Another tool's call is another request, and so is what a tool's call is not: a job, a compensation, a health check.
  const Json all = {wish.tool, wish.compensates, wish.health, hex(sha256(wish.body))};
  asked.digest = canonical_digest(all);
  asked.waits = [wish] { return wish.health || call_waits(wish.body); };
  asked.order = [api, request, wish] { return order_to_run(api, request->caller, wish); };
  auto submitting = submit(api, request, std::move(asked));
  co_return co_await std::move(submitting);
}

awaitable<Answer> get_tools(Api* api, RequestPtr, Parameters) {
  Json tools = Json::array();
  for (const auto& [name, tool] : api->catalog->tools)
    tools.push_back(tool_json(*tool, api->tools.status(*tool), api->tools.state(name)));
  co_return json_response({{"tools", std::move(tools)}});
}

awaitable<Answer> get_tool(Api* api, RequestPtr, Parameters parameters) {
  const auto tool = find_tool(*api, parameters.at(0));
  if (!tool) co_return Refused(tool.error());
  co_return tool_response(*api, **tool);
}

awaitable<Answer> call_tool(Api* api, RequestPtr request, Parameters parameters) {
  if (auto bad = bad_key(request->idempotency_key)) co_return Refused(std::move(*bad));
  CallWish wish{parameters.at(0), request->body, {}, false};
  if (says(request->body, &CallRequest::dry_run)) {
    auto planning = plan_of(api, request, std::move(wish));
    co_return co_await std::move(planning);
  }
  auto submitting = submit_wish(api, request, std::move(wish));
  co_return co_await std::move(submitting);
}

awaitable<Answer> check_health(Api* api, RequestPtr request, Parameters parameters) {
  CallWish wish{parameters.at(0), "", {}, true};
  auto submitting = submit_wish(api, request, std::move(wish));
  co_return co_await std::move(submitting);
}

namespace {

// {"approve": SHA-256} and {"enabled": false, "reason"} or {"enabled": true}; both may come at once.
struct ToolWish {
  std::optional<Sha256> approve;
  std::optional<bool> enabled;
  std::string reason;
};

tl::expected<ToolWish, Rejection> parse_tool_wish(std::string_view body) {
  const auto document = parse_strict_json(body);
  if (!document) return Refused(invalid_input(document.error()));
  FieldErrors errors;
  ToolWish wish;
  ObjectReader in(*document, "", errors);
  std::string digest;
  in.optional("approve", digest);
  wish.approve = parse_hex(digest);
  if (!digest.empty() && !wish.approve) in.error("approve", "must be the SHA-256 that the tool has now");
  if (const Json* enabled = in.find("enabled")) {
    if (!enabled->is_boolean()) in.error("enabled", "must be true or false");
    wish.enabled = *enabled == true;
  }
  if (wish.enabled == false) {
    wish.reason = require_reason(in);
  } else {
    in.optional("reason", wish.reason);
  }
  in.refuse_unknown_keys();
  if (errors.empty() && !wish.approve && !wish.enabled)
    errors.push_back({"", "says neither \"approve\" nor \"enabled\""});
  if (!errors.empty()) return Refused(invalid_input(std::move(errors)));
  return wish;
}

Rejection not_what_it_is(const LoadedTool& tool, const Sha256& digest) {
  return {409, "tool_changed", "Conflict", "tool " + tool.tool.name + " is " + hex(digest) + " by now",
          "Look at it again, and approve what it is."};
}

void decide_about(Api& api, const LoadedTool& tool, const ToolWish& wish, const Account& who) {
  const auto now = std::chrono::system_clock::now();
  const auto& name = tool.tool.name;
  const Subject subject{who.actor, "", name, "", ""};
  const auto by = " by " + who.actor;
  if (wish.approve) {
    api.tools.approve(tool, *wish.approve, who.actor, now);
    api.operations.tell(EventKind::tool, subject, "approved as " + hex(*wish.approve) + by);
  }
  if (wish.enabled == false) {
    api.tools.switch_off(name, who.actor, wish.reason, now);
    api.operations.tell(EventKind::tool, subject, "switched off" + by + ": " + wish.reason);
  }
  if (wish.enabled == true) {
    api.tools.switch_on(name);
    api.operations.tell(EventKind::tool, subject, "switched on" + by);
  }
}

}  // namespace

awaitable<Answer> put_tool(Api* api, RequestPtr request, Parameters parameters) {
  const auto tool = find_tool(*api, parameters.at(0));
  if (!tool) co_return Refused(tool.error());
  const auto wish = parse_tool_wish(request->body);
  if (!wish) co_return Refused(wish.error());
  const auto digest = api->tools.status(**tool).digest;
  if (wish->approve && *wish->approve != digest) co_return Refused(not_what_it_is(**tool, digest));
  try {
    decide_about(*api, **tool, *wish, request->caller.account);
  } catch (const std::exception& e) {
    auto rejection = overloaded("not_kept", e.what(), 1);
    rejection.title = "It cannot be written down";
    co_return Refused(std::move(rejection));
  }
  co_return tool_response(*api, **tool);
}

}  // namespace cordon
