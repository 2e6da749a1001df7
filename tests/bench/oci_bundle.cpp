#include "tests/bench/oci_bundle.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/promises/process.hpp"

namespace cordon::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned first_host_id = 2'000'000'000;  // nobody's, as Cordon's ranges are elsewhere
constexpr unsigned inside_id = 1000;               // as in a job

Json read_json(const std::string& path) {
  return Json::parse(cordon::test::read_text(path), nullptr, true, true);
}

Json process(const OciJob& job, const Json& limits) {
  const auto none = Json::array();
  const auto files = limits.at("open_files");
  return {{"terminal", false},
          {"user", {{"uid", inside_id}, {"gid", inside_id}}},
          {"args", job.argv},
          {"env", {"PATH=/usr/bin:/bin", "HOME=/work", "LANG=C.UTF-8", "TMPDIR=/tmp"}},
          {"cwd", "/work"},
          {"capabilities",
           {{"bounding", none}, {"effective", none}, {"inheritable", none}, {"permitted", none}, {"ambient", none}}},
          {"noNewPrivileges", true},
          {"rlimits", Json::array({{{"type", "RLIMIT_NOFILE"}, {"hard", files}, {"soft", files}}})}};
}

Json tmpfs(const char* where, const std::string& size, const char* mode) {
  return {{"destination", where},
          {"type", "tmpfs"},
          {"source", "tmpfs"},
          {"options", {"nosuid", "nodev", "size=" + size, std::string("mode=") + mode}}};
}

Json mounts(const Json& limits) {
  const auto scratch = limits.at("scratch_bytes").dump();
  return Json::array(
      {{{"destination", "/usr"}, {"type", "bind"}, {"source", "/usr"}, {"options", {"rbind", "ro", "nosuid", "nodev"}}},
       {{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
       tmpfs("/dev", "64k", "755"),
       tmpfs("/tmp", scratch, "1777"),
       tmpfs("/work", scratch, "1777")});
}

// The rules without what the runtime-spec does not have.
Json seccomp(const std::string& file) {
  auto rules = read_json(file);
  rules.erase("comment");
  rules.erase("archMap");
  rules["architectures"] = {"SCMP_ARCH_X86_64"};
  for (auto& rule : rules.at("syscalls")) rule.erase("comment");
  return rules;
}

Json ids() {
  return Json::array({{{"containerID", 0}, {"hostID", first_host_id}, {"size", 65536}}});
}

Json confinement(const OciJob& job, const Json& limits) {
  Json spaces = Json::array();
  for (const char* kind : {"pid", "network", "ipc", "uts", "mount", "cgroup", "user"})
    spaces.push_back({{"type", kind}});
  constexpr int period_us = 100'000;
  return {{"cgroupsPath", job.cgroup},
          {"namespaces", spaces},
          {"uidMappings", ids()},
          {"gidMappings", ids()},
          {"resources",
           {{"memory", {{"limit", limits.at("memory_bytes")}}},
            {"pids", {{"limit", limits.at("pids")}}},
            {"cpu", {{"quota", period_us * limits.at("cpus").get<int>()}, {"period", period_us}}}}},
          {"seccomp", seccomp(job.profile + ".seccomp.json")}};
}

}  // namespace

void write_bundle(const std::string& directory, const OciJob& job) {
  const auto limits = read_json(job.profile + ".json").at("defaults");
  const Json config{
      {"ociVersion", "1.0.2"}, {"process", process(job, limits)}, {"root", {{"path", job.root}, {"readonly", true}}},
      {"hostname", "sandbox"}, {"mounts", mounts(limits)},        {"linux", confinement(job, limits)}};
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/config.json") << config.dump(1);
}

}  // namespace cordon::bench
