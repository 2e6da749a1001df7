#include "cli/options/options.hpp"

#include <CLI/CLI.hpp>

namespace cordon::cli {

void add_json(CLI::App& command, Choice& choice) {
  command.add_flag("--json", choice.session.json, "Answer in JSON, for programs");
}

void add_list(CLI::App& command, const char* name, std::vector<std::string>& into, const char* what, const char* form) {
  command.add_option(name, into, what)->type_name(form)->allow_extra_args(false);
}

}  // namespace cordon::cli
