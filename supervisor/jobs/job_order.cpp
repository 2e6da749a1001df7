#include "supervisor/jobs/job_order.hpp"

#include <algorithm>

#include "profiles/egress_grant_json.hpp"
#include "profiles/egress_narrow.hpp"
#include "profiles/json_reader.hpp"
#include "profiles/limits_json.hpp"
#include "sandbox/payload.hpp"
#include "supervisor/jobs/request_files.hpp"
#include "supervisor/tools/tool_call.hpp"
#include "supervisor/tools/tool_files.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

template <typename Map>
std::string names_of(const Map& map) {
  std::string names;
  for (const auto& [name, value] : map) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "none" : names;
}

Rejection unknown(std::string_view what, const std::string& name, const std::string& there_are) {
  return bad_field("unknown_" + std::string(what), "/" + std::string(what),
                   "there is no " + std::string(what) + " \"" + name + "\" here",
                   "Ask for one of: " + there_are + ". GET /v1/profiles and /v1/info say more.");
}

// "language" and "code" become a file and an argv.
tl::expected<void, Rejection> apply_language(const JobRequest& request, const Profile& profile,
                                             const ImageConfig& image, const HasFile& has_file, JobOrder& order) {
  const auto at = profile.languages.find(*request.language);
  if (at == profile.languages.end()) {
    return Refused(
        unknown("language", *request.language, names_of(profile.languages) + " (profile " + profile.name + ")"));
  }
  const auto& language = at->second;
  if (!language.needs.empty() && !has_file(image, language.needs)) {
    return Refused(bad_field("language_not_in_image", "/language",
                             "image \"" + request.image + "\" has no " + language.needs,
                             "Choose another image, or install it there."));
  }
  FieldErrors errors;
  refuse_conflicts(request.files, language.file, errors);
  if (!errors.empty()) return Refused(invalid_input(std::move(errors)));
  order.argv = language.argv;
  order.files.push_back({language.file, 0644, request.code, nullptr});
  return {};
}

tl::expected<Limits, Rejection> choose_limits(const Json& asked, const Profile& profile) {
  auto limits = apply_limits(asked, "/limits", profile.ceiling, profile.defaults);
  if (limits) return *limits;
  auto rejection = invalid_input(limits.error());
  rejection.code = "limit_out_of_range";
  for (const auto& [name, value] : asked.items()) {
    const auto known = std::any_of(limit_fields.begin(), limit_fields.end(),
                                   [&asked_for = name](const auto& f) { return f.name == asked_for; });
    if (!known) rejection.code = "unknown_limit";
  }
  if (!asked.is_object()) rejection.code = "invalid_input";
  rejection.remedy = "Profile " + profile.name + " allows " + to_json(profile.ceiling).dump() + ".";
  return Refused(std::move(rejection));
}

tl::expected<EgressGrants, Rejection> choose_egress(const std::optional<Json>& asked, const Profile& profile) {
  if (!asked) return profile.egress;
  auto grants = narrow_egress(profile.egress, *asked, "/egress");
  if (grants) return *grants;
  auto rejection = invalid_input(grants.error());
  rejection.code = "egress_not_granted";
  rejection.remedy = profile.egress.empty()
                         ? "Profile " + profile.name + " grants no egress."
                         : "Profile " + profile.name + " grants " + to_json(profile.egress).dump() + ".";
  return Refused(std::move(rejection));
}

tl::expected<void, Rejection> take_files(JobRequest& request, const FindArtifact& find, JobOrder& order) {
  for (std::size_t i = 0; i < request.files.size(); ++i) {
    auto& file = request.files[i];
    OrderedFile ordered{std::move(file.path), file.mode, std::move(file.content), nullptr};
    if (file.artifact) {
      auto found = find(*file.artifact);
      ordered.artifact = std::move(found.file);
      order.inputs.join(found.data);
      if (!ordered.artifact) {
        return Refused(bad_field("unknown_artifact", pointer_to(pointer_to("/files", i), "artifact"),
                                 "there is no such artifact of a job of yours",
                                 "The job's \"artifacts\" list the paths; jobs are forgotten after a while."));
      }
    }
    order.files.push_back(std::move(ordered));
  }
  if (order.files.size() > max_files) return Refused(invalid_input({{"/files", "has too many files"}}));
  return {};
}

// cordon-init takes so many, the profile's with them.
constexpr std::size_t max_variables = 4096;

// Files and stdin become memory of ours before they become the job's: never more than the job itself may hold.
tl::expected<void, Rejection> check_size(const JobOrder& order) {
  std::uint64_t total = 0;
  for (const auto& file : order.files) total += file.size();
  if (total <= order.limits.scratch_bytes) return {};
  return Refused(bad_field("files_too_large", "/files",
                           "the files have " + std::to_string(total) + " bytes and scratch_bytes is " +
                               std::to_string(order.limits.scratch_bytes),
                           "Send less, or ask for more scratch_bytes if the profile allows it."));
}

std::vector<std::string> environment(const Profile& profile, const std::map<std::string, std::string>& own) {
  auto all = own;
  all.insert(profile.env.begin(), profile.env.end());  // the job's own win
  std::vector<std::string> env;
  env.reserve(all.size());
  for (const auto& [name, value] : all) env.emplace_back(name).append("=").append(value);
  return env;
}

}  // namespace

std::uint64_t JobOrder::memory() const {
  auto total = stdin_bytes.size() + (call ? call->input.size() : 0);
  for (const auto& arg : argv) total += arg.size();
  for (const auto& variable : env) total += variable.size();
  for (const auto& file : files) {
    total += file.content.size() + file.path.size();
    if (file.artifact) total += file.artifact->size();  // copied when the job starts
  }
  return total;
}

std::string tool_name(const JobOrder& order) {
  return order.call ? order.call->tool->tool.name : std::string();
}

void JobOrder::drop_input() {
  argv = {};
  env = {};
  stdin_bytes = {};
  files = {};
  collect = {};
}

tl::expected<JobOrder, Rejection> make_order(JobRequest request, const Catalog& catalog, const FindArtifact& find,
                                             const HasFile& has_file) {
  const auto profile = catalog.profiles.find(request.profile);
  if (profile == catalog.profiles.end()) {
    return Refused(unknown("profile", request.profile, names_of(catalog.profiles)));
  }
  const auto image = catalog.config.images.find(request.image);
  if (image == catalog.config.images.end()) {
    return Refused(unknown("image", request.image, names_of(catalog.config.images)));
  }
  JobOrder order;
  order.argv = request.argv;
  if (request.language) {
    auto applied = apply_language(request, profile->second, image->second, has_file, order);
    if (!applied) return Refused(applied.error());
  }
  auto limits = choose_limits(request.limits, profile->second);
  if (!limits) return Refused(limits.error());
  order.limits = *limits;
  auto egress = choose_egress(request.egress, profile->second);
  if (!egress) return Refused(egress.error());
  order.egress = std::move(*egress);
  if (auto taken = take_files(request, find, order); !taken) return Refused(taken.error());
  if (auto fits = check_size(order); !fits) return Refused(fits.error());
  order.profile = profile->first;
  order.profile_sha256 = profile->second.digest;
  order.image = image->first;
  order.env = environment(profile->second, request.env);
  if (order.env.size() > max_variables)
    return Refused(invalid_input({{"/env", "has more than 4096 variables with those of the profile"}}));
  order.cwd = std::move(request.cwd);
  order.stdin_bytes = std::move(request.stdin_bytes);
  order.collect = std::move(request.collect);
  order.collect_bounds = profile->second.collect;
  order.on_output_limit = request.on_output_limit;
  order.labels = std::move(request.labels);
  order.inputs.join(request.declared);
  order.timings = request.timings;
  return order;
}

}  // namespace cordon
