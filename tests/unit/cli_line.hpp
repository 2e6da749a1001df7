// A command line as the `cordon` command would read it, and what may go to a terminal.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/options/options.hpp"

namespace cordon::cli::test {

// What it chooses. `add`: the commands that there are. Throws CLI::ParseError.
template <typename... Add>
Choice parsed(const std::string& line, Add... add) {
  Choice choice;
  CLI::App app;
  app.require_subcommand(1);
  (add(app, choice), ...);
  app.parse(line);
  return choice;
}

// Nothing in it acts on a terminal, and no line of it is a job's.
inline bool is_safe(const std::string& text) {
  return text.find_first_of("\x1b\r\t") == std::string::npos && text.find("\xc2\x9b") == std::string::npos &&
         text.find("\xe2\x80\xae") == std::string::npos;
}

}  // namespace cordon::cli::test
