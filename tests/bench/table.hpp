// A table of docs/performance.md: Markdown, to standard output, row by row as it is measured.
#pragma once

#include <string>
#include <vector>

namespace cordon::bench {

void print_section(const std::string& title, const std::string& explanation);
void print_remark(const std::string& sentence);  // below a table
void print_columns(const std::vector<std::string>& names);
void print_cells(const std::vector<std::string>& cells);
// Of a contender that takes no part, with the reason: it is never left out in silence.
void print_absent(const std::string& name, const std::string& reason, std::size_t columns);

}  // namespace cordon::bench
