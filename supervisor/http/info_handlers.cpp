// What there is, whether it is well, and loading it anew.
#include <set>

#include "profiles/egress_grant_json.hpp"
#include "profiles/limits_json.hpp"
#include "sandbox/kernel/check.hpp"
#include "supervisor/host_room.hpp"
#include "supervisor/http/api.hpp"
#include "supervisor/http/framing.hpp"
#include "supervisor/http/json_answer.hpp"
#include "supervisor/image_tree.hpp"
#include "supervisor/jobs/job_json.hpp"

namespace cordon {
namespace {

constexpr auto look_time = std::chrono::seconds(2);
constexpr auto egress_time = std::chrono::seconds(1);

Json profile_json(const Profile& profile) {
  Json languages = Json::array();
  for (const auto& [name, language] : profile.languages) languages.push_back(name);
  return {{"name", profile.name},
          {"why", profile.why},
          {"limits", to_json(profile.ceiling)},
          {"defaults", to_json(profile.defaults)},
          {"languages", std::move(languages)},
          {"egress", to_json(profile.egress)},
          {"collect", {{"files", profile.collect.files}, {"bytes", profile.collect.bytes}}},
          {"sha256", hex(profile.digest)}};
}

// Of all profiles, those whose program the image has.
Json languages_of(const ImageConfig& image, const Catalog& catalog) {
  std::set<std::string> names;
  for (const auto& [profile_name, profile] : catalog.profiles) {
    for (const auto& [name, language] : profile.languages) {
      if (language.needs.empty() || image_has(image, language.needs)) names.insert(name);
    }
  }
  return names;
}

// What the caller comes under, beside the instance's own limits, and how things stand.
Json account_json(const Account& account, const Admission& admission) {
  Json limits = Json::array();
  for (const auto& standing : admission.standing({account.actor, account.tenant, {}, {}}, Clock::now())) {
    Json limit = {{"scope", to_string(standing.scope.kind)},
                  {"name", standing.scope.name},
                  {"limit", standing.limit},
                  {"value", standing.value}};
    if (standing.used) limit["used"] = *standing.used;
    if (standing.resets_in) limit["resets_in_s"] = standing.resets_in->count();
    limits.push_back(std::move(limit));
  }
  return {{"actor", account.actor}, {"tenant", account.tenant}, {"limits", std::move(limits)}};
}

// Whether cordon-egress does what it is there for, as it says itself.
awaitable<Json> egress_state(EgressWatcher* egress) {
  if (!egress->is_watching()) co_return Json{{"state", "not_in_use"}};
  if (!egress->is_there()) co_return Json{{"state", "unreachable"}};
  auto asking = egress->ask(Clock::now() + egress_time);
  const auto figures = co_await std::move(asking);
  if (!figures) co_return Json{{"state", egress->is_there() ? "silent" : "unreachable"}};
  co_return Json{{"state", "serving"}, {"jobs", figures->jobs}, {"flows", figures->flows}};
}

Json warm_json(const WarmPool& pool) {
  Json kinds = Json::array();
  for (const auto& kind : pool.standing()) {
    kinds.push_back({{"profile", kind.profile},
                     {"image", kind.image},
                     {"prestart", kind.prestart.empty() ? Json() : Json(kind.prestart)},
                     {"ready", kind.ready},
                     {"preparing", kind.preparing},
                     {"target", kind.target},
                     {"min", kind.min},
                     {"max", kind.max}});
  }
  return kinds;
}

Json facts_json(const Facts& facts) {
  Json out = Json::object();
  for (const auto& [name, value] : facts) out[name] = value;
  return out;
}

}  // namespace

void see_tools(Api& api) {
  for (const auto& name : api.tools.see(api.catalog->tools))
    api.operations.tell(EventKind::tool, {"", "", name, "", ""}, "is not what was approved: its calls are refused");
}

std::optional<FieldError> unmet(const Api& api, const OperationsConfig& config) {
  if (config.metrics_listen != api.catalog->config.operations.metrics_listen) {
    return FieldError{"/metrics/listen", "is taken up at start only: restart cordond"};
  }
  return std::nullopt;
}

tl::expected<void, CatalogFault> reload(Api& api, const std::string& by) {
  auto loaded = load_catalog(api.config_file);
  if (loaded) {
    if (auto fault = unmet(api, (*loaded)->config.operations)) {
      loaded = tl::unexpected(CatalogFault{api.config_file, {std::move(*fault)}});
    }
  }
  if (loaded && (*loaded)->config.evidence.on != api.evidence.is_on()) {
    const FieldError fault{"/evidence", "is turned on or off at start only: restart cordon-launcher and cordond"};
    loaded = tl::unexpected(CatalogFault{api.config_file, {fault}});
  }
  if (!loaded) {
    const auto& fault = loaded.error();
    const auto first = fault.errors.empty() ? FieldError{} : fault.errors.front();
    const auto what = "refused to " + by + ": " + fault.file + " " + first.pointer + " " + first.detail;
    api.operations.tell(EventKind::reload, {}, what, Severity::warning);
    return tl::unexpected(fault);
  }
  api.catalog = std::move(*loaded);
  api.kill_latch.decide_again();  // under another policy, perhaps
  see_tools(api);
  api.life.reconfigure();
  api.warm.configure(*api.catalog);
  api.egress.watch(grants_egress(*api.catalog));
  api.operations.configure(api.catalog->config.operations);
  api.operations.tell(
      EventKind::reload, {},
      "loaded by " + by + ": " + std::to_string(api.catalog->profiles.size()) + " profiles are in force");
  return {};
}

awaitable<Answer> get_profiles(Api* api, RequestPtr, Parameters) {
  Json profiles = Json::array();
  for (const auto& [name, profile] : api->catalog->profiles) profiles.push_back(profile_json(profile));
  co_return json_response({{"profiles", std::move(profiles)}});
}

awaitable<Answer> get_info(Api* api, RequestPtr request, Parameters) {
  const auto& config = api->catalog->config;
  Json images = Json::array();
  for (const auto& [name, image] : config.images) {
    images.push_back({{"name", name},
                      {"kind", image.is_host()        ? "host"
                               : image.rootfs.empty() ? "file"
                                                      : "rootfs"},
                      {"languages", languages_of(image, *api->catalog)}});
  }
  // What this API has, whether or not this instance is set up for it.
  const Json features = {"jobs",        "wait",  "events",    "artifacts", "idempotency", "languages",
                         "kill_switch", "tools", "approvals", "grants",    "evidence",    "egress"};
  const Json limits = {
      {"body_bytes", max_body_bytes},          {"head_bytes", max_head_bytes},
      {"running_jobs", config.max_running},    {"queued_jobs", config.max_queued},
      {"warm_sandboxes", api->warm.most()},    {"retained_jobs", config.retain_jobs},
      {"retained_bytes", config.retain_bytes}, {"connections_per_uid", config.max_connections_per_uid}};
  const auto& admission = api->life.admission();
  Json jobs = {{"running", admission.running()}, {"queued", admission.waiting()}};
  if (!admission.held_by().empty()) jobs["held_by"] = admission.held_by();
  const auto score = own_oom_score_adj();
  const auto standing = api->evidence.standing();
  const Json evidence = {{"state", !api->evidence.is_on()        ? "off"
                                   : api->evidence.unavailable() ? "unavailable"
                                                                 : "on"},
                         {"entries", standing.entries},
                         {"key", standing.verifier},
                         {"waiting", standing.waiting},
                         {"lost", standing.lost}};
  const bool private_egress = config.egress.private_egress;  // as loaded now: it may be loaded anew while we wait
  auto asking = egress_state(&api->egress);
  auto egress = co_await std::move(asking);
  egress["private_egress"] = private_egress;
  const Json launcher = {{"version", api->launcher.ready().version}, {"host", facts_json(api->launcher.ready().host)}};
  co_return json_response({{"version", CORDON_VERSION},
                           {"api", "v1"},
                           {"features", features},
                           {"limits", limits},
                           {"account", account_json(request->caller.account, admission)},
                           {"images", std::move(images)},
                           {"jobs", jobs},
                           {"warm", warm_json(api->warm)},
                           {"evidence", evidence},
                           {"egress", std::move(egress)},
                           {"oom_score_adj", score ? Json(*score) : Json()},
                           {"launcher", launcher}});
}

// The connection of the last greeting says that the launcher lives; only a launcher that went away is greeted anew.
awaitable<Answer> get_health(Api* api, RequestPtr, Parameters) {
  std::string trouble;
  try {
    co_await api->launcher.reach(Clock::now() + look_time);
  } catch (const std::exception& e) {
    trouble = e.what();
  }
  if (trouble.empty()) co_return json_response({{"status", "ok"}});
  co_return tl::unexpected(Rejection{503,
                                     "launcher_unreachable",
                                     "Not healthy",
                                     std::move(trouble),
                                     "Start cordon-launcher; jobs end as setup_failed until then.",
                                     {},
                                     1});
}

awaitable<Answer> reload_all(Api* api, RequestPtr request, Parameters) {
  const auto done = reload(*api, request->caller.account.actor);
  if (done) co_return json_response({{"reloaded", true}, {"profiles", api->catalog->profiles.size()}});
  auto rejection = invalid_input(done.error().errors);
  rejection.status = 422;
  rejection.code = "invalid_configuration";
  rejection.detail = done.error().file + ": " + rejection.detail;
  rejection.remedy = "Mend the file and load again; what was in force still is.";
  co_return tl::unexpected(std::move(rejection));
}

}  // namespace cordon
