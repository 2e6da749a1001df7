#include "profiles/config.hpp"

#include <limits>

#include "profiles/json_reader.hpp"
#include "profiles/name.hpp"

namespace cordon {
namespace {

void read_image_file(ObjectReader& object, ImageConfig& into) {
  into.file = object.require_string("file");
  if (!into.file.empty() && into.file[0] != '/') object.error("file", "must be an absolute path");
  const auto digest = parse_hex(object.require_string("sha256"));
  if (!digest) return object.error("sha256", "must be 64 hexadecimal digits, as `cordon image import` says");
  into.sha256 = *digest;
}

// Only "host" may be the view of the host's own /usr.
void read_image(const std::string& name, const Json& value, std::string_view pointer, Config& into,
                FieldErrors& errors) {
  if (!is_name(name)) errors.push_back({std::string(pointer), name_rule});
  ObjectReader object(value, pointer, errors);
  ImageConfig image;
  const bool is_file = object.find("file") != nullptr || object.find("sha256") != nullptr;
  if (is_file) {
    read_image_file(object, image);
  } else if (name == "host" || object.find("rootfs") != nullptr) {
    object.optional("rootfs", image.rootfs);
  }
  if (name != "host" && image.is_host()) object.error("rootfs", "is needed, or \"file\" with \"sha256\"");
  if (is_file && object.find("rootfs") != nullptr) object.error("rootfs", "is too much beside \"file\"");
  if (!image.rootfs.empty() && image.rootfs[0] != '/') object.error("rootfs", "must be an absolute path");
  object.refuse_unknown_keys();
  into.images[name] = image;
}

void read_images(ObjectReader& document, Config& into, FieldErrors& errors) {
  const Json* images = document.find("images");
  if (images == nullptr) return;
  if (!images->is_object()) return document.error("images", "must be an object");
  for (const auto& [name, value] : images->items()) {
    read_image(name, value, pointer_to("/images", name), into, errors);
  }
}

void read_dirs(ObjectReader& document, std::string_view key, std::vector<std::string>& into) {
  document.optional(key, into);
  for (const auto& dir : into) {
    if (!dir.starts_with('/')) document.error(key, "must be absolute paths");
  }
}

void read_users(ObjectReader& document, Config& into, FieldErrors& errors) {
  const Json* users = document.find("users");
  if (users == nullptr) return;
  ObjectReader object(*users, "/users", errors);
  object.optional("daemon", into.daemon_user);
  object.optional("ledger", into.ledger_user);
  object.optional("agents", into.agent_group);
  object.optional("operators", into.operator_group);
  object.refuse_unknown_keys();
}

// Ids below 65536 belong to the system's own users, 65534 among them.
void read_uids(ObjectReader& document, Config& into, FieldErrors& errors) {
  const Json* uids = document.find("uids");
  if (uids == nullptr) return;
  constexpr IntegerRange any_id{65536, 0xfffffffe};
  ObjectReader object(*uids, "/uids", errors);
  object.optional("first", any_id, into.first_uid);
  object.optional("count", {2, 1 << 20}, into.uid_count);
  object.refuse_unknown_keys();
  if (std::uint64_t{into.first_uid} + into.uid_count > any_id.max) object.error("count", "runs past the last id");
}

void read_retain(ObjectReader& document, Config& into, FieldErrors& errors) {
  const Json* retain = document.find("retain");
  if (retain == nullptr) return;
  ObjectReader object(*retain, "/retain", errors);
  object.optional("jobs", {1, 10'000'000}, into.retain_jobs);
  object.optional("bytes", {1, std::uint64_t{1} << 50}, into.retain_bytes);
  object.optional("days", {1, 36'500}, into.retain_days);
  object.refuse_unknown_keys();
}

void read_journal(ObjectReader& document, Config& into, FieldErrors& errors) {
  const Json* journal = document.find("journal");
  if (journal == nullptr) return;
  ObjectReader object(*journal, "/journal", errors);
  std::string durability;
  object.optional("durability", durability);
  if (!durability.empty()) into.durability = durability;
  if (!durability.empty() && durability != "process" && durability != "power") {
    object.error("durability", "must be process or power");
  }
  object.refuse_unknown_keys();
}

void read_evidence(ObjectReader& document, Config& into, FieldErrors& errors) {
  const Json* evidence = document.find("evidence");
  if (evidence == nullptr || *evidence == "on") return;
  if (*evidence == "off") {
    into.evidence.on = false;
    return;
  }
  if (!evidence->is_object()) return document.error("evidence", "must be \"on\", \"off\" or an object");
  ObjectReader object(*evidence, "/evidence", errors);
  object.optional("redact", into.evidence.redact);
  object.refuse_unknown_keys();
}

// That the profiles are there is for whoever has read them to say.
void read_warm(ObjectReader& document, Config& into, FieldErrors& errors) {
  into.warm = read_warm(document, errors);
  if (!into.warm) return;
  for (const auto& [profile, rule] : *into.warm) {
    if (into.images.contains(rule.image)) continue;
    errors.push_back({pointer_to(pointer_to("/warm", profile), "image"), "there is no image of this name"});
  }
}

}  // namespace

tl::expected<Config, FieldErrors> parse_config(std::string_view text) {
  const auto json = parse_strict_json(text, Comments::accept);
  if (!json) return tl::unexpected(json.error());
  FieldErrors errors;
  Config config;
  config.digest = sha256(text);
  ObjectReader document(*json, "", errors);
  read_dirs(document, "profile_dirs", config.profile_dirs);
  read_dirs(document, "tool_dirs", config.tool_dirs);
  read_images(document, config, errors);
  read_users(document, config, errors);
  read_uids(document, config, errors);
  read_retain(document, config, errors);
  read_journal(document, config, errors);
  read_warm(document, config, errors);
  read_evidence(document, config, errors);
  read_actors(document, config.actors, errors);
  read_admission(document, config.actors, config.admission, errors);
  read_policy(document, config.actors, config.policy, errors);
  document.optional("max_running", {1, 65536}, config.max_running);
  document.optional("max_queued", {0, 1'000'000}, config.max_queued);
  document.optional("max_connections_per_uid", {1, 65536}, config.max_connections_per_uid);
  document.optional("max_connections", {8, 1'000'000}, config.max_connections);
  read_egress_config(document, config.egress, errors);
  read_operations(document, config.operations, errors);
  document.refuse_unknown_keys();
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return config;
}

}  // namespace cordon
