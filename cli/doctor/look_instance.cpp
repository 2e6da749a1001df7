#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "cli/doctor/look.hpp"
#include "cli/failure.hpp"
#include "profiles/config.hpp"

namespace cordon::cli::doctor {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_patience = 5s;
constexpr auto canary_patience = 30s;  // in a queue, perhaps

void read_config(InstanceFacts& instance) {
  struct stat file {};
  if (::stat(instance.config_file.c_str(), &file) < 0 && errno == ENOENT) {
    instance.config.emplace();
    return;
  }
  const auto text = text_of_file(instance.config_file);
  if (!text) {
    instance.config_error = instance.config_file + " cannot be read";
    return;
  }
  auto config = parse_config(*text);
  if (config) {
    instance.config = std::move(*config);
    return;
  }
  const auto& first = config.error().front();
  instance.config_error = instance.config_file + " " + first.pointer + ": " + first.detail;
}

void look_at_accounts(const Config& config, InstanceFacts& instance) {
  std::vector<std::string> users{config.daemon_user};
  if (config.evidence.on) users.push_back(config.ledger_user);
  for (const auto& user : users) instance.accounts["user " + user] = ::getpwnam(user.c_str()) != nullptr;
  for (const auto& group : {std::string("cordon-daemon"), config.agent_group, config.operator_group})
    instance.accounts["group " + group] = ::getgrnam(group.c_str()) != nullptr;
}

std::string wrong_with_file(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) < 0) return std::string("cannot be looked at: ") + std::strerror(errno);
  if (file.st_uid != 0) return "belongs to uid " + std::to_string(file.st_uid);
  return (file.st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "may be written by others than root" : "";
}

void look_at_files(const Config& config, InstanceFacts& instance) {
  for (const char* name : {"cordond", "cordon-launcher", "cordon-init", "cordon-ledger", "cordon-egress",
                           "cordon-egress-wall", "cordon-prestart-python.so", "cordon-prestart-node.so"}) {
    const auto path = std::string("/usr/libexec/cordon/") + name;
    instance.files[path] = wrong_with_file(path);
  }
  struct stat there {};
  for (const auto& path : config.profile_dirs)
    if (::stat(path.c_str(), &there) == 0) instance.files[path] = wrong_with_file(path);
  for (const auto& path : {std::string("/etc/cordon"), instance.config_file})
    if (::stat(path.c_str(), &there) == 0) instance.files[path] = wrong_with_file(path);
}

// Its digest only the launcher looks at, when it mounts it: that takes as long as reading all of it.
Looked look_at_image(const ImageConfig& image) {
  const auto& path = image.file.empty() ? image.rootfs : image.file;
  struct stat it {};
  if (::stat(path.c_str(), &it) < 0)
    return {errno == EACCES ? std::nullopt : std::optional(false), path + ": " + std::strerror(errno)};
  if (image.file.empty()) return {S_ISDIR(it.st_mode), path + (S_ISDIR(it.st_mode) ? " is there" : " is no directory")};
  const auto wrong = wrong_with_file(path);
  return {wrong.empty(), path + " " + (wrong.empty() ? "is there, and root's; its digest: cordon image check" : wrong)};
}

void look_at_images(const Config& config, InstanceFacts& instance) {
  for (const auto& [name, image] : config.images)
    if (!image.is_host()) instance.images[name] = look_at_image(image);
}

std::string wrong_with_socket(const std::string& path, const std::string& group) {
  struct stat file {};
  if (::stat(path.c_str(), &file) < 0) return std::string("is not there: ") + std::strerror(errno);
  if (!S_ISSOCK(file.st_mode)) return "is no socket";
  if ((file.st_mode & 0777) != 0660) return "has another mode than 0660";
  const auto* entry = ::getgrnam(group.c_str());
  return entry == nullptr || entry->gr_gid != file.st_gid ? "does not belong to group " + group : "";
}

void ask_for_info(const Session& session, InstanceFacts& instance) {
  try {
    const auto response = broadest_client(session).send({.target = "/v1/info", .timeout = answer_patience});
    if (response.status != 200) refuse(response);
    instance.info = parse_answer(response.body);
  } catch (const Failure& failure) {
    instance.info_error = failure.what();
  }
}

void ask_for_kills(const Session& session, InstanceFacts& instance) {
  try {
    const auto response = operator_client(session).send({.target = "/v1/kill", .timeout = answer_patience});
    if (response.status != 200) return;
    instance.engaged.emplace();
    const auto answer = parse_answer(response.body);
    for (const auto& one : answer.at("engaged")) instance.engaged->push_back(one.value("scope", "?"));
  } catch (const Failure&) {
    // Not tested, then.
  }
}

Json canary_job() {
  const Json limits = {{"memory_bytes", 32 << 20}, {"scratch_bytes", 1 << 20}, {"file_bytes", 1 << 20}, {"pids", 8},
                       {"wall_ms", 10'000},        {"output_bytes", 4096}};
  return {{"argv", {"sh", "-c", "echo $((6 * 7))"}},
          {"limits", limits},
          {"labels", {{"cordon.doctor", "canary"}}},
          {"wait", true}};
}

bool is_no_fault(const std::string& code) {
  return code == "kill_switch_engaged" || code == "not_a_member" || code == "unknown_actor" ||
         code == "ambiguous_actor";
}

void send_canary(const Session& session, Canary& canary) {
  const auto response = broadest_client(session).send(
      {.method = "POST", .target = "/v1/jobs", .body = canary_job().dump(), .timeout = canary_patience});
  const auto answer = parse_answer(response.body);
  if (response.status == 200) {
    canary.ran = true;
    canary.job = answer;
    return;
  }
  const auto code = answer.value("code", "");
  canary.ran = !is_no_fault(code);
  canary.why_not = "it was refused: " + answer.value("detail", code);
  canary.job = {{"outcome", {{"kind", "refused"}, {"code", code}, {"detail", answer.value("detail", "")}}}};
}

void try_canary(const Session& session, InstanceFacts& instance) {
  if (instance.info.is_null()) {
    instance.canary.why_not = "cordond does not answer";
    return;
  }
  try {
    send_canary(session, instance.canary);
  } catch (const Failure& failure) {
    instance.canary.ran = true;
    instance.canary.job = {{"outcome", {{"kind", "unanswered"}, {"detail", failure.what()}}}};
  }
}

}  // namespace

InstanceFacts look_at_instance(const Session& session, const Places& places, bool with_canary) {
  InstanceFacts instance;
  instance.config_file = places.config_file;
  instance.cli_version = CORDON_VERSION;
  read_config(instance);
  const auto config = instance.config.value_or(Config{});
  if (places.is_installed) {
    look_at_accounts(config, instance);
    look_at_files(config, instance);
    instance.sockets[session.runtime_dir + "/agent.sock"] =
        wrong_with_socket(session.runtime_dir + "/agent.sock", config.agent_group);
    instance.sockets[session.runtime_dir + "/operator.sock"] =
        wrong_with_socket(session.runtime_dir + "/operator.sock", config.operator_group);
  }
  look_at_images(config, instance);
  ask_for_info(session, instance);
  ask_for_kills(session, instance);
  instance.egress = look_at_egress(session, places, config.egress, instance.info);
  instance.canary.why_not = "it was not asked for (--no-canary)";
  if (with_canary) try_canary(session, instance);
  return instance;
}

}  // namespace cordon::cli::doctor
