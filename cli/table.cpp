#include "cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

void append_row(std::string& out, const Row& row, const std::vector<std::size_t>& widths) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    out += row[i];
    if (i + 1 < row.size()) out.append(widths[i] + 2 - characters(row[i]), ' ');
  }
  out += '\n';
}

}  // namespace

std::string table(const Row& head, const std::vector<Row>& rows) {
  std::vector<Row> all{head};
  for (const auto& row : rows) {
    auto& safe = all.emplace_back();
    for (const auto& cell : row) safe.push_back(for_one_line(cell));
  }
  std::vector<std::size_t> widths(head.size(), 0);
  for (const auto& row : all) {
    for (std::size_t i = 0; i < widths.size() && i < row.size(); ++i)
      widths[i] = std::max(widths[i], characters(row[i]));
  }
  std::string out;
  for (const auto& row : all) append_row(out, row, widths);
  return out;
}

std::string readable_bytes(double bytes) {
  constexpr std::array<std::string_view, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < units.size(); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= 100 ? 0 : 1, units[unit]);
}

std::string readable_time(double milliseconds) {
  if (milliseconds < 1000) return fmt::format("{:.0f} ms", milliseconds);
  if (milliseconds < 120'000) return fmt::format("{:.1f} s", milliseconds / 1000);
  return fmt::format("{:.0f} min", milliseconds / 60'000);
}

}  // namespace cordon::cli
