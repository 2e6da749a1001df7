#include "supervisor/jobs/job_request.hpp"

#include <algorithm>

#include "profiles/json_reader.hpp"
#include "profiles/sha256.hpp"
#include "sandbox/payload.hpp"
#include "supervisor/jobs/request_files.hpp"

namespace cordon {
namespace {

constexpr std::size_t max_labels = 64, max_label_name = 128, max_label_value = 1024;
constexpr std::size_t max_variables = 4096;

void read_bool(ObjectReader& in, std::string_view key, bool& into) {
  const Json* value = in.find(key);
  if (value == nullptr) return;
  if (!value->is_boolean()) return in.error(key, "must be true or false");
  into = value->get<bool>();
}

void read_argv(ObjectReader& in, JobRequest& job, FieldErrors& errors) {
  const Json* value = in.find("argv");
  if (value == nullptr) return;
  job.argv = read_strings(*value, in.pointer("argv"), errors);
  if (!value->is_array()) return;
  if (value->empty()) return in.error("argv", "must name a program");
  if (job.argv.size() > max_arguments) return in.error("argv", "has more than " + std::to_string(max_arguments));
  for (std::size_t i = 0; i < job.argv.size(); ++i) {
    if (job.argv[i].size() <= max_argument_bytes) continue;
    errors.push_back({pointer_to(in.pointer("argv"), i),
                      "is longer than the kernel takes: " + std::to_string(max_argument_bytes) + " bytes"});
  }
  if (!job.argv.empty() && job.argv[0].empty()) errors.push_back({"/argv/0", "must name a program"});
}

void read_program(ObjectReader& in, JobRequest& job, FieldErrors& errors) {
  read_argv(in, job, errors);
  const Json* language = in.find("language");
  const Json* code = in.find("code");
  if (language != nullptr) job.language = read_string(*language, in.pointer("language"), errors);
  if (code != nullptr) job.code = read_string(*code, in.pointer("code"), errors).value_or("");
  const bool has_argv = in.find("argv") != nullptr;
  if (has_argv && language != nullptr) in.error("language", "cannot stand beside argv: one or the other");
  if (has_argv && language == nullptr && code != nullptr) in.error("code", "cannot stand beside argv");
  if (!has_argv && language == nullptr)
    in.error(code == nullptr ? "argv" : "language", "is missing: argv, or language and code");
  if (language != nullptr && code == nullptr) in.error("code", "is missing: language needs it");
}

void read_cwd(ObjectReader& in, JobRequest& job) {
  in.optional("cwd", job.cwd);
  if (job.cwd != "." && !is_workspace_path(job.cwd)) in.error("cwd", workspace_path_rule);
}

void read_stdin(ObjectReader& in, JobRequest& job, FieldErrors& errors) {
  in.optional("stdin", job.stdin_bytes);
  decode_in_place(in, "stdin", "stdin_encoding", job.stdin_bytes, errors);
}

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  if (name.empty() || !letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// A member that maps strings to strings; `check` says what is wrong with a pair, or nothing.
template <typename Check>
void read_map(ObjectReader& in, std::string_view key, std::size_t most, std::map<std::string, std::string>& into,
              FieldErrors& errors, Check check) {
  const Json* value = in.find(key);
  if (value == nullptr) return;
  if (!value->is_object()) return in.error(key, "must be an object of strings");
  if (value->size() > most) return in.error(key, "has more than " + std::to_string(most) + " members");
  for (const auto& [name, item] : value->items()) {
    const auto pointer = pointer_to(in.pointer(key), name);
    const auto text = read_string(item, pointer, errors);
    if (!text) continue;
    const std::string wrong = check(name, *text);
    if (!wrong.empty()) errors.push_back({pointer, wrong});
    into.emplace(name, *text);
  }
}

std::string wrong_variable(std::string_view name, std::string_view value) {
  if (!is_variable_name(name)) return "is not the name of a variable: letters, digits and _, no digit first";
  return name.size() + 1 + value.size() > max_argument_bytes ? "is longer than the kernel takes" : "";
}

std::string wrong_label(std::string_view name, std::string_view value) {
  if (name.empty() || name.size() > max_label_name) return "must have a name of 1 to 128 bytes";
  return value.size() > max_label_value ? "must be at most 1024 bytes" : "";
}

void read_collect(ObjectReader& in, JobRequest& job, FieldErrors& errors) {
  in.optional("collect", job.collect);
  if (job.collect.size() > max_globs) return in.error("collect", "has more than " + std::to_string(max_globs));
  for (std::size_t i = 0; i < job.collect.size(); ++i) {
    if (!is_workspace_path(job.collect[i])) errors.push_back({pointer_to("/collect", i), workspace_path_rule});
  }
}

// A grant is named by its secret: 64 hexadecimal digits.
void read_grant(ObjectReader& in, JobRequest& job) {
  in.optional("grant", job.grant);
  if (in.find("grant") != nullptr && !parse_hex(job.grant))
    in.error("grant", "must be 64 lower-case hexadecimal digits");
}

void read_on_output_limit(ObjectReader& in, JobRequest& job) {
  std::string choice = "truncate";
  in.optional("on_output_limit", choice);
  if (choice != "truncate" && choice != "kill") in.error("on_output_limit", "must be truncate or kill");
  job.on_output_limit = choice == "kill" ? OnOutputLimit::kill : OnOutputLimit::truncate;
}

JobRequest read_job(ObjectReader& in, FieldErrors& errors) {
  JobRequest job;
  in.optional("profile", job.profile);
  in.optional("image", job.image);
  read_program(in, job, errors);
  read_cwd(in, job);
  read_stdin(in, job, errors);
  read_map(in, "env", max_variables, job.env, errors, wrong_variable);
  read_collect(in, job, errors);
  if (const Json* egress = in.find("egress")) job.egress = *egress;
  read_on_output_limit(in, job);
  read_grant(in, job);
  read_wishes(in, job, errors);
  in.refuse_unknown_keys();
  return job;
}

}  // namespace

void read_wishes(ObjectReader& in, JobRequest& job, FieldErrors& errors) {
  if (const Json* files = in.find("files")) job.files = read_files(*files, in.pointer("files"), errors);
  if (const Json* limits = in.find("limits")) job.limits = *limits;
  read_map(in, "labels", max_labels, job.labels, errors, wrong_label);
  if (const Json* declared = in.find("provenance"))
    job.declared = read_declared(*declared, in.pointer("provenance"), errors);
  read_bool(in, "timings", job.timings);
  read_bool(in, "wait", job.wait);
}

tl::expected<JobRequest, Rejection> parse_job_request(std::string_view body) {
  const auto document = parse_strict_json(body);
  if (!document) {
    auto rejection = invalid_input(document.error());
    rejection.code = "invalid_json";
    return tl::unexpected(std::move(rejection));
  }
  FieldErrors errors;
  ObjectReader reader(*document, "", errors);
  auto job = document->is_object() ? read_job(reader, errors) : JobRequest{};
  if (!errors.empty()) return tl::unexpected(invalid_input(std::move(errors)));
  return job;
}

}  // namespace cordon
