#include "supervisor/tools/calling.hpp"

#include <set>

#include "profiles/canonical_json.hpp"
#include "supervisor/authority/grant.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

// The same input with the same files is the same call. `own`: so many of the files are the caller's, and come first.
Sha256 digest_of_input(const Json& input, const std::vector<OrderedFile>& files, std::size_t own) {
  Json all = {{"input", input}, {"files", Json::object()}};
  for (std::size_t i = 0; i < own; ++i)
    all["files"][files[i].path] = hex(files[i].artifact ? files[i].artifact->sha256() : sha256(files[i].content));
  return canonical_digest(all);
}

// Every file, and every directory above one.
std::size_t count_files(const std::vector<OrderedFile>& files) {
  std::set<std::string> all;
  for (const auto& file : files)
    for (auto path = file.path; !path.empty();
         path = path.substr(0, path.rfind('/') == path.npos ? 0 : path.rfind('/')))
      all.insert(path);
  return all.size();
}

tl::expected<JobRequest, Rejection> job_of(const CallRequest& call, const LoadedTool& tool, const std::string& script,
                                           bool health) {
  if (!health) return job_of_call(call, tool, script);
  if (tool.tool.health) return job_of_health_check(tool, script);
  return Refused(Rejection{404, "no_health_check", "Not found", "tool " + tool.tool.name + " has no health check",
                           "Its definition may have one: \"health\": {\"argv\": […]}."});
}

}  // namespace

Rejection unknown_tool(const std::string& name) {
  auto rejection = not_found("tool \"" + name + "\"");
  rejection.code = "unknown_tool";
  rejection.remedy = "GET /v1/tools has those that there are.";
  return rejection;
}

Rejection ambiguous_call(const AmbiguousRow& earlier) {
  return {409, "ambiguous_outcome", "Conflict",
          "whether the same call has happened in job " + earlier.id + " is not known, and it must not happen twice",
          "An operator finds out and says so: cordon settle " + earlier.id + " --as happened|did_not_happen."};
}

awaitable<tl::expected<OrderedCall, Rejection>> order_call(JobStore* store, CatalogPtr catalog, ToolGate* gate,
                                                           const Unsettled* unsettled, Caller caller, CallWish wish) {
  const auto found = catalog->tools.find(wish.tool);
  if (found == catalog->tools.end()) co_return Refused(unknown_tool(wish.tool));
  const auto tool = found->second;
  if (auto refused = gate->refusal(*tool)) co_return Refused(std::move(*refused));
  const auto digest = gate->status(*tool).digest;
  auto call = wish.health ? tl::expected<CallRequest, Rejection>() : parse_call_request(wish.body);
  if (!call) co_return Refused(call.error());
  auto job = job_of(*call, *tool, gate->script(*tool), wish.health);
  if (!job) co_return Refused(job.error());
  auto ordering = order_request(store, catalog, caller, std::move(*job));
  auto ordered = co_await std::move(ordering);
  if (!ordered) co_return Refused(ordered.error());
  const auto& files = ordered->order.files;
  const auto input = digest_of_input(call->input, files, call->rest.files.size());
  const auto* earlier = wish.health ? nullptr : unsettled->same(caller.account.actor, wish.tool, input);
  if (earlier != nullptr) {
    auto ambiguous = ambiguous_call(*earlier);
    ambiguous.tool = wish.tool;
    co_return Refused(std::move(ambiguous));
  }
  const auto grant = call->grant.empty() ? std::string() : grant_name(call->grant);
  const ToolCall made{
      tool, digest, canonical_json(call->input), input, grant, wish.compensates, wish.health, count_files(files)};
  ordered->order.call = std::make_shared<const ToolCall>(made);
  ordered->grant = call->grant;
  OrderedCall out{std::move(*ordered), call->dry_run};
  co_return out;
}

}  // namespace cordon
