#include "tests/bench/samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tests/bench/table.hpp"

namespace cordon::bench {
namespace {

constexpr std::array columns{"", "n", "p50 ms", "p95 ms", "p99 ms", "p50, times the bare row"};

}  // namespace

double Samples::quantile(double share) const {
  if (values_.empty()) return 0;
  auto sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void print_heading(const std::string& title, const std::string& explanation) {
  print_section(title, explanation);
  static_assert(columns.size() == latency_columns);
  print_columns({columns.begin(), columns.end()});
}

void print_row(const std::string& name, const Samples& samples, const Samples& base) {
  const auto milliseconds = [](double value) { return fmt::format("{:.2f}", value); };
  print_cells({name, std::to_string(samples.size()), milliseconds(samples.median()),
               milliseconds(samples.quantile(0.95)), milliseconds(samples.quantile(0.99)),
               fmt::format("{:.2f}", samples.median() / base.median())});
}

}  // namespace cordon::bench
