#include "supervisor/catalog.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

namespace cordon {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

tl::expected<Config, CatalogFault> load_config(const std::string& file) {
  std::error_code none;
  if (!fs::exists(file, none)) return Config{};
  const auto text = read_text(file);
  if (!text) return tl::unexpected(CatalogFault{file, {{"", "cannot be read"}}});
  auto config = parse_config(*text);
  if (!config) return tl::unexpected(CatalogFault{file, config.error()});
  return *config;
}

// "NAME.json", but not "NAME.seccomp.json", which a profile names.
bool is_profile(const fs::path& file) {
  return file.extension() == ".json" && file.stem().extension() != ".seccomp" &&
         !file.filename().string().starts_with('.');
}

std::optional<CatalogFault> load_profile(const fs::path& file, std::map<std::string, Profile>& into) {
  const auto text = read_text(file);
  if (!text) return CatalogFault{file, {{"", "cannot be read"}}};
  const auto beside = [&file](std::string_view name) {
    return read_text(file.parent_path() / fs::path(name).filename());
  };
  auto profile = parse_profile(file.stem().string(), *text, beside);
  if (!profile) return CatalogFault{file, profile.error()};
  into.insert_or_assign(profile->name, std::move(*profile));
  return std::nullopt;
}

std::optional<CatalogFault> load_directory(const std::string& dir, std::map<std::string, Profile>& into) {
  std::error_code error;
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    if (is_profile(entry.path())) files.insert(entry.path());
  }
  if (error && error != std::errc::no_such_file_or_directory) return CatalogFault{dir, {{"", error.message()}}};
  for (const auto& file : files) {
    if (auto fault = load_profile(file, into)) return fault;
  }
  return std::nullopt;
}

constexpr uid_t root = 0;

// What a tool's definition allows, and what the configuration says of this tool, or of each.
void add_tools_allowances(const LoadedTools& tools, Allowances& into) {
  for (const auto& [name, loaded] : tools) {
    auto said = into.find(name);
    if (said == into.end()) said = into.find("*");
    const auto& own = loaded->tool.allowance;
    into.insert_or_assign(name, said == into.end() ? own : meet(own, said->second));
  }
}

}  // namespace

tl::expected<CatalogPtr, CatalogFault> load_catalog(const std::string& config_file) {
  auto config = load_config(config_file);
  if (!config) return tl::unexpected(config.error());
  auto catalog = std::make_shared<Catalog>();
  catalog->config = std::move(*config);
  for (const auto& dir : catalog->config.profile_dirs) {
    if (auto fault = load_directory(dir, catalog->profiles)) return tl::unexpected(std::move(*fault));
  }
  if (catalog->profiles.empty()) {
    return tl::unexpected(CatalogFault{config_file, {{"/profile_dirs", "there is no profile in any of them"}}});
  }
  for (const auto& [name, allowance] : catalog->config.admission.profiles) {
    if (name == "*" || catalog->profiles.contains(name)) continue;
    return tl::unexpected(
        CatalogFault{config_file, {{pointer_to("/admission/profiles", name), "there is no profile of this name"}}});
  }
  const auto& rules = catalog->config.policy.rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (const auto& name : rules[i].when.profiles) {
      if (name == "*" || catalog->profiles.contains(name)) continue;
      const auto at = pointer_to("/policy/rules", i) + "/when/profiles";
      return tl::unexpected(CatalogFault{config_file, {{at, "there is no profile \"" + name + "\""}}});
    }
  }
  for (const auto& [name, rule] : catalog->config.warm.value_or(WarmRules{})) {
    const auto profile = catalog->profiles.find(name);
    const auto at = pointer_to("/warm", name);
    if (profile == catalog->profiles.end())
      return tl::unexpected(CatalogFault{config_file, {{at, "there is no profile of this name"}}});
    for (const auto& [prestart, counts] : rule.prestart) {
      if (profile->second.prestart.contains(prestart)) continue;
      return tl::unexpected(
          CatalogFault{config_file, {{pointer_to(at + "/prestart", prestart), "the profile does not name it"}}});
    }
  }
  auto tools = load_tools(catalog->config, catalog->profiles, root);
  if (!tools) return tl::unexpected(CatalogFault{tools.error().file, tools.error().errors});
  catalog->tools = std::move(*tools);
  for (const auto& [name, allowance] : catalog->config.admission.tools) {
    if (name == "*" || catalog->tools.contains(name)) continue;
    return tl::unexpected(
        CatalogFault{config_file, {{pointer_to("/admission/tools", name), "there is no tool of this name"}}});
  }
  add_tools_allowances(catalog->tools, catalog->config.admission.tools);
  return catalog;
}

bool grants_egress(const Catalog& catalog) {
  return std::any_of(catalog.profiles.begin(), catalog.profiles.end(),
                     [](const auto& profile) { return !profile.second.egress.empty(); });
}

}  // namespace cordon
