#include "tests/bench/table.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace cordon::bench {

void print_section(const std::string& title, const std::string& explanation) {
  fmt::print("\n## {}\n\n{}\n\n", title, explanation);
}

void print_remark(const std::string& sentence) {
  fmt::print("\n{}\n", sentence);
}

void print_cells(const std::vector<std::string>& cells) {
  fmt::print("| {} |\n", fmt::join(cells, " | "));
  std::fflush(stdout);
}

void print_columns(const std::vector<std::string>& names) {
  print_cells(names);
  print_cells(std::vector<std::string>(names.size(), "---"));
}

void print_absent(const std::string& name, const std::string& reason, std::size_t columns) {
  std::vector<std::string> cells(columns, "–");
  cells.at(0) = name + ": does not run here: " + reason;
  print_cells(cells);
}

}  // namespace cordon::bench
