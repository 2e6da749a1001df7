#include "tests/golden/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace cordon::test {
namespace {

constexpr auto heading =
    "# What {0}.seccomp.json answers to every system call. Reviewed: a change of the profile is a change here.\n"
    "# One verdict: whatever the arguments. Three: all six arguments 0, 0xffffffff00000000 (which the kernel reads as "
    "0\n"
    "# where it takes an int), all ones. Written by build/dev/bin/write_golden_tables.\n"
    "# (Recent kernels ask no filter about 335 uretprobe and 336 uprobe, but refuse them: SIGILL, ENXIO.)\n"
    "# abi number name verdict\n";

std::string verdict_text(const Row& row) {
  const auto& [zeros, high, ones] = row.verdicts;
  return zeros == high && high == ones ? zeros : fmt::format("{} {} {}", zeros, high, ones);
}

std::string number_text(const Row& row) {
  return row.first == row.last ? std::to_string(row.first) : fmt::format("{}-{}", row.first, row.last);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

Row row_of(const std::string& line) {
  std::istringstream words(line);
  Row row;
  std::string numbers;
  words >> row.abi >> numbers >> row.name;
  const std::vector<std::string> verdicts{std::istream_iterator<std::string>(words), {}};
  if (verdicts.size() != 1 && verdicts.size() != 3) throw std::runtime_error("not a line of a golden table: " + line);
  for (std::size_t i = 0; i < 3; ++i) row.verdicts[i] = verdicts[verdicts.size() == 1 ? 0 : i];
  const auto dash = numbers.find('-');
  row.first = static_cast<std::uint32_t>(std::stoul(numbers));
  row.last = dash == numbers.npos ? row.first : static_cast<std::uint32_t>(std::stoul(numbers.substr(dash + 1)));
  return row;
}

}  // namespace

std::string to_text(std::string_view policy, const std::vector<Row>& rows) {
  std::string text = fmt::format(heading, policy);
  for (const auto& row : rows)
    text += fmt::format("{:6} {:>8} {:24} {}\n", row.abi, number_text(row), row.name, verdict_text(row));
  return text;
}

std::vector<Row> rows_of(std::string_view text) {
  std::vector<Row> rows;
  for (const auto& line : lines_of(text))
    if (!line.empty() && line[0] != '#') rows.push_back(row_of(line));
  return rows;
}

std::string difference(std::string_view reviewed, std::string_view is) {
  const auto old_lines = lines_of(reviewed), new_lines = lines_of(is);
  const auto missing_from = [](const std::vector<std::string>& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) == lines.end();
  };
  std::string out;
  for (const auto& line : old_lines)
    if (missing_from(new_lines, line)) out += "- " + line + "\n";
  for (const auto& line : new_lines)
    if (missing_from(old_lines, line)) out += "+ " + line + "\n";
  if (out.empty() && reviewed != is) return "the same lines in another order, or more than once\n";
  return out;
}

}  // namespace cordon::test
