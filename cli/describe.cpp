#include "cli/describe.hpp"

#include <CLI/CLI.hpp>

namespace cordon::cli {
namespace {

using Json = nlohmann::ordered_json;

Json option_json(const CLI::Option& option) {
  const bool takes_value = option.get_items_expected_max() > 0;
  return {{"short", option.get_snames()},
          {"long", option.get_lnames()},
          {"positional", option.get_positional() ? option.get_name(true) : ""},
          {"type", takes_value ? option.get_type_name() : ""},
          {"description", option.get_description()},
          {"default", option.get_default_str()},
          {"variable", option.get_envname()},
          {"required", option.get_required()}};
}

}  // namespace

Json description_of(const CLI::App& app) {
  auto options = Json::array(), commands = Json::array();
  for (const auto* option : app.get_options())
    if (!option->get_group().empty()) options.push_back(option_json(*option));
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) commands.push_back(description_of(*command));
  return {{"name", app.get_name()},
          {"description", app.get_description()},
          {"options", std::move(options)},
          {"commands", std::move(commands)}};
}

}  // namespace cordon::cli
