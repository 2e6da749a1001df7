// The whole command line as data: what manual pages and completions are made from, so that they cannot drift from it.
#pragma once

#include <nlohmann/json.hpp>

namespace CLI {
class App;
}

namespace cordon::cli {

// {"name", "description", "options": [{"short", "long", "positional", "type", "description", "default", "variable",
//  "required"}], "commands": […]}; what is hidden from --help is not in it.
nlohmann::ordered_json description_of(const CLI::App& app);

}  // namespace cordon::cli
