#include "supervisor/tools/compensation.hpp"

#include "supervisor/jobs/job_json.hpp"
#include "supervisor/jobs/job_report.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

Rejection cannot(std::string why, std::string remedy) {
  return {409, "not_compensable", "Conflict", std::move(why), std::move(remedy)};
}

// The template with values in the places of their pointers; nullopt, and `missing` is the pointer that has none.
std::optional<Json> filled(const Json& form, const Json& call, std::string& missing) {
  for (const char* from : {"input", "output"}) {
    if (!form.is_object() || form.size() != 1 || !form.contains(from)) continue;
    const auto pointer = form.at(from).get<std::string>();
    const auto* value = value_at(call.at(from), pointer);
    if (value == nullptr) missing = std::string(from) + " " + pointer;
    return value == nullptr ? std::nullopt : std::optional(*value);
  }
  if (!form.is_object() && !form.is_array()) return form;
  Json out = form.is_object() ? Json::object() : Json::array();
  for (const auto& [key, member] : form.items()) {
    auto value = filled(member, call, missing);
    if (!value) return std::nullopt;
    if (form.is_object()) {
      out[key] = std::move(*value);
    } else {
      out.push_back(std::move(*value));
    }
  }
  return out;
}

}  // namespace

tl::expected<CallWish, Rejection> compensation_of(const Job& job, const Catalog& catalog) {
  const auto report = listed_job(job, std::nullopt);
  if (!report.contains("call"))
    return Refused(cannot("job " + job.id + " is no call of a tool", "There is nothing that a definition says of it."));
  if (job.state != JobState::finished)
    return Refused(cannot("job " + job.id + " has not finished", "Cancel it, or wait for its end."));
  const auto name = report.at("tool").get<std::string>();
  const auto tool = catalog.tools.find(name);
  if (tool == catalog.tools.end() || !tool->second->tool.compensation)
    return Refused(cannot("tool " + name + " declares no compensation",
                          "Its definition may: \"compensation\": {\"tool\", \"input\"}."));
  const auto& compensation = *tool->second->tool.compensation;
  std::string missing;
  const auto input = filled(compensation.input, report.at("call"), missing);
  if (!input)
    return Refused(cannot("the call has no " + missing + " that its compensation needs",
                          "Call " + compensation.tool + " with an input of your own."));
  const Json body = {{"input", *input}, {"wait", true}};
  return CallWish{compensation.tool, body.dump(), job.id, false};
}

}  // namespace cordon
