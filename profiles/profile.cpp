#include "profiles/profile.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "profiles/egress_grant_json.hpp"
#include "profiles/json_reader.hpp"
#include "profiles/limits_json.hpp"

namespace cordon {
namespace {

constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
constexpr const char* name_rule = "a name has 1 to 64 of a-z 0-9 _ - and begins with none of _ -";

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name[0] != '_' && name[0] != '-' &&
         name.find_first_not_of(name_characters) == name.npos;
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." && name.find('/') == name.npos;
}

void append(FieldErrors& to, const FieldErrors& from, std::string_view in_file = {}) {
  for (const auto& error : from) {
    to.push_back({error.pointer, in_file.empty() ? error.detail : std::string(in_file) + ": " + error.detail});
  }
}

void read_limits(ObjectReader& document, Profile& into, FieldErrors& errors) {
  const Json* limits = document.require("limits");
  const Json* defaults = document.find("defaults");
  if (limits == nullptr) return;
  const auto ceiling = parse_all_limits(*limits, "/limits");
  if (!ceiling) return append(errors, ceiling.error());
  into.ceiling = into.defaults = *ceiling;
  if (defaults == nullptr) return;
  const auto own = apply_limits(*defaults, "/defaults", *ceiling, *ceiling);
  if (!own) return append(errors, own.error());
  into.defaults = *own;
}

void read_env(ObjectReader& document, Profile& into, FieldErrors& errors) {
  const Json* env = document.find("env");
  if (env == nullptr) return;
  if (!env->is_object()) return document.error("env", "must be an object");
  for (const auto& [name, value] : env->items()) {
    const auto pointer = pointer_to("/env", name);
    if (name.empty() || name.find('=') != name.npos) errors.push_back({pointer, "a name is not empty and has no '='"});
    into.env[name] = read_string(value, pointer, errors).value_or("");
  }
}

void read_language(const std::string& name, const Json& value, Profile& into, FieldErrors& errors) {
  const auto pointer = pointer_to("/languages", name);
  if (!is_name(name)) errors.push_back({pointer, name_rule});
  ObjectReader object(value, pointer, errors);
  Language language;
  language.file = object.require_string("file");
  if (!language.file.empty() && !is_file_name(language.file)) object.error("file", "must be a file name");
  language.argv = object.require_strings("argv");
  if (language.argv.empty() || language.argv[0].empty()) object.error("argv", "must begin with a program");
  language.needs = object.require_string("needs");
  if (!language.needs.empty() && language.needs[0] != '/') object.error("needs", "must be an absolute path");
  object.refuse_unknown_keys();
  into.languages[name] = std::move(language);
}

void read_languages(ObjectReader& document, Profile& into, FieldErrors& errors) {
  const Json* languages = document.find("languages");
  if (languages == nullptr) return;
  if (!languages->is_object()) return document.error("languages", "must be an object");
  for (const auto& [name, value] : languages->items()) read_language(name, value, into, errors);
}

constexpr std::size_t most_imports = 64;

// A module, as it is written behind "import".
bool is_module_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  };
  return !name.empty() && name.size() < 64 && name[0] != '.' && std::all_of(name.begin(), name.end(), is_letter);
}

void read_prestart(const std::string& name, const Json& value, Profile& into, FieldErrors& errors) {
  const auto pointer = pointer_to("/prestart", name);
  if (std::find(prestart_names.begin(), prestart_names.end(), name) == prestart_names.end())
    errors.push_back({pointer, "only \"python\" and \"node\" can be started ahead"});
  ObjectReader object(value, pointer, errors);
  Prestart prestart;
  if (name == "python") object.optional("imports", prestart.imports);
  if (prestart.imports.size() > most_imports ||
      !std::all_of(prestart.imports.begin(), prestart.imports.end(), is_module_name))
    object.error("imports", "must be at most 64 names of modules");
  object.refuse_unknown_keys();
  into.prestart[name] = std::move(prestart);
}

void read_prestarts(ObjectReader& document, Profile& into, FieldErrors& errors) {
  const Json* prestart = document.find("prestart");
  if (prestart == nullptr) return;
  if (!prestart->is_object()) return document.error("prestart", "must be an object");
  for (const auto& [name, value] : prestart->items()) read_prestart(name, value, into, errors);
}

void read_collect(ObjectReader& document, Profile& into, FieldErrors& errors) {
  const Json* collect = document.require("collect");
  if (collect == nullptr) return;
  ObjectReader object(*collect, "/collect", errors);
  into.collect.files = object.require_integer("files", {0, 1'000'000});
  into.collect.bytes = object.require_integer("bytes", {0, max_bytes});
  object.refuse_unknown_keys();
}

// "pid" is procfs with subset=pid, which shows processes and nothing of the machine.
void read_proc(ObjectReader& document) {
  std::string proc = "pid";
  document.optional("proc", proc);
  if (proc != "pid") document.error("proc", "only \"pid\" is offered");
}

void read_root_inside(ObjectReader& document, Profile& into) {
  const Json* value = document.find("root_inside");
  if (value == nullptr) return;
  if (!value->is_boolean()) return document.error("root_inside", "must be true or false");
  into.root_inside = value->get<bool>();
}

void read_landlock(ObjectReader& document, Profile& into, FieldErrors& errors) {
  const Json* landlock = document.find("landlock");
  if (landlock == nullptr) return;
  ObjectReader object(*landlock, "/landlock", errors);
  object.optional("min_abi", {0, 1000}, into.landlock_min_abi);
  object.refuse_unknown_keys();
}

// Returns the bytes of the seccomp file: they are part of the digest.
std::string read_seccomp(ObjectReader& document, const ReadBeside& read, Profile& into, FieldErrors& errors) {
  const auto file = document.require_string("seccomp");
  if (file.empty()) return {};
  if (!is_file_name(file)) return document.error("seccomp", "must be the name of a file beside the profile"), "";
  auto text = read(file);
  if (!text) return document.error("seccomp", "there is no such file beside the profile"), "";
  auto policy = parse_seccomp_policy(*text);
  if (!policy) return append(errors, policy.error(), file), "";
  into.seccomp = std::move(*policy);
  return std::move(*text);
}

void add_with_length(std::string& out, std::string_view bytes) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    out.push_back(static_cast<char>(std::uint64_t{bytes.size()} >> shift));
  out.append(bytes);
}

Sha256 digest_of(std::string_view profile, std::string_view seccomp) {
  std::string all;
  add_with_length(all, profile);
  add_with_length(all, seccomp);
  return sha256(all);
}

}  // namespace

tl::expected<Profile, FieldErrors> parse_profile(std::string_view name, std::string_view text, const ReadBeside& read) {
  if (!is_name(name)) return tl::unexpected(FieldErrors{{"", name_rule}});
  const auto json = parse_strict_json(text, Comments::accept);
  if (!json) return tl::unexpected(json.error());
  FieldErrors errors;
  Profile profile;
  profile.name = name;
  ObjectReader document(*json, "", errors);
  profile.why = document.require_string("why");
  read_limits(document, profile, errors);
  read_env(document, profile, errors);
  read_languages(document, profile, errors);
  read_prestarts(document, profile, errors);
  profile.egress = read_egress(document, errors);
  read_collect(document, profile, errors);
  read_proc(document);
  read_root_inside(document, profile);
  read_landlock(document, profile, errors);
  const auto seccomp = read_seccomp(document, read, profile, errors);
  document.refuse_unknown_keys();
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  profile.digest = digest_of(text, seccomp);
  return profile;
}

}  // namespace cordon
