// Columns for people. Every cell is made safe for a terminal.
#pragma once

#include <string>
#include <vector>

namespace cordon::cli {

using Row = std::vector<std::string>;
std::string table(const Row& head, const std::vector<Row>& rows);

std::string readable_bytes(double bytes);        // "1.5 MiB"
std::string readable_time(double milliseconds);  // "14 ms", "2.1 s", "3 min"

}  // namespace cordon::cli
