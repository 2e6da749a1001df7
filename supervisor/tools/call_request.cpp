#include "supervisor/tools/call_request.hpp"

#include "profiles/canonical_json.hpp"
#include "profiles/json_reader.hpp"
#include "profiles/limits_json.hpp"
#include "sandbox/payload.hpp"
#include "supervisor/jobs/request_files.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

Rejection invalid_call(FieldErrors errors, const Tool& tool) {
  auto rejection = invalid_input(std::move(errors));
  rejection.remedy = "GET /v1/tools/" + tool.name + " has the schema of its input; nothing was started.";
  return rejection;
}

FieldErrors under_input(FieldErrors errors) {
  for (auto& error : errors) error.pointer = "/input" + error.pointer;
  return errors;
}

FieldErrors wrong_files(const JobRequest& rest, const Tool& tool) {
  FieldErrors errors;
  for (std::size_t i = 0; i < rest.files.size() && errors.size() < 16; ++i) {
    const auto pointer = pointer_to(pointer_to("/files", i), "path");
    if (tool.files_under.empty()) {
      errors.push_back({pointer, "this tool takes no files"});
    } else if (!rest.files[i].path.starts_with(tool.files_under + "/")) {
      errors.push_back({pointer, "must be beneath " + tool.files_under + "/"});
    }
  }
  return errors;
}

void add_script(JobRequest& job, const Tool& tool, const std::string& script) {
  if (tool.script) job.files.push_back({tool.script->file, 0555, script, std::nullopt});
}

FieldErrors too_long(const std::vector<std::string>& argv) {
  if (argv.size() > max_arguments) return {{"/input", "makes more arguments than a program can have"}};
  for (const auto& argument : argv)
    if (argument.size() > max_argument_bytes) return {{"/input", "makes an argument longer than the kernel takes"}};
  return {};
}

JobRequest job_under(const LoadedTool& loaded) {
  JobRequest job;
  job.profile = loaded.tool.profile;
  job.image = loaded.tool.image;
  job.limits = to_json(loaded.limits);
  job.egress = loaded.tool.egress;
  return job;
}

void read_call(ObjectReader& in, CallRequest& call, FieldErrors& errors) {
  if (const Json* input = in.require("input")) call.input = *input;
  if (!call.input.is_object()) in.error("input", "must be an object");
  in.optional("grant", call.grant);
  if (in.find("grant") != nullptr && !parse_hex(call.grant))
    in.error("grant", "must be 64 lower-case hexadecimal digits");
  if (const Json* dry = in.find("dry_run")) {
    if (!dry->is_boolean()) in.error("dry_run", "must be true or false");
    call.dry_run = *dry == true;
  }
  read_wishes(in, call.rest, errors);
  in.refuse_unknown_keys();
}

}  // namespace

tl::expected<CallRequest, Rejection> parse_call_request(std::string_view body) {
  const auto document = parse_strict_json(body);
  if (!document) {
    auto rejection = invalid_input(document.error());
    rejection.code = "invalid_json";
    return Refused(std::move(rejection));
  }
  FieldErrors errors;
  CallRequest call;
  ObjectReader in(*document, "", errors);
  if (document->is_object()) read_call(in, call, errors);
  if (!errors.empty()) return Refused(invalid_input(std::move(errors)));
  if (canonical_json(call.input).size() > max_input_bytes)
    return Refused(
        bad_field("input_too_large", "/input", "has more than 65536 bytes", "Give what is large as a file."));
  return call;
}

tl::expected<JobRequest, Rejection> job_of_call(const CallRequest& call, const LoadedTool& loaded,
                                                const std::string& script) {
  const auto& tool = loaded.tool;
  if (auto faults = tool.input->check(call.input, "/input"); !faults.empty())
    return Refused(invalid_call(std::move(faults), tool));
  if (auto faults = wrong_files(call.rest, tool); !faults.empty())
    return Refused(invalid_call(std::move(faults), tool));
  auto argv = substitute(tool.argv, call.input);
  if (!argv) return Refused(invalid_call(under_input(argv.error()), tool));
  if (auto faults = too_long(*argv); !faults.empty()) return Refused(invalid_call(std::move(faults), tool));
  const auto limits = apply_limits(call.rest.limits, "/limits", loaded.limits, loaded.limits);
  if (!limits) return Refused(invalid_call(limits.error(), tool));
  auto job = job_under(loaded);
  job.limits = to_json(*limits);
  job.argv = std::move(*argv);
  job.collect = tool.collect;
  job.files = call.rest.files;
  job.labels = call.rest.labels;
  job.declared = call.rest.declared;
  job.timings = call.rest.timings;
  job.wait = call.rest.wait;
  if (tool.input_on_stdin) job.stdin_bytes = canonical_json(call.input);
  FieldErrors conflicts;
  if (tool.script) refuse_conflicts(job.files, tool.script->file, conflicts);
  if (!conflicts.empty()) return Refused(invalid_input(std::move(conflicts)));
  add_script(job, tool, script);
  return job;
}

JobRequest job_of_health_check(const LoadedTool& tool, const std::string& script) {
  auto job = job_under(tool);
  if (tool.tool.health) job.argv = tool.tool.health->argv;
  add_script(job, tool.tool, script);
  job.wait = true;
  return job;
}

}  // namespace cordon
