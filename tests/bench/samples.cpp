#include "tests/bench/samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace cordon::bench {

double Samples::quantile(double share) const {
  if (values_.empty()) return 0;
  auto sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void print_heading(const std::string& title, const std::string& explanation) {
  fmt::print(
      "\n## {}\n\n{}\n\n| | n | p50 ms | p95 ms | p99 ms | p50, times the bare row |\n|---|---|---|---|---|---|\n",
      title, explanation);
}

void print_row(const std::string& name, const Samples& samples, const Samples& base) {
  fmt::print("| {} | {} | {:.2f} | {:.2f} | {:.2f} | {:.2f} |\n", name, samples.size(), samples.median(),
             samples.quantile(0.95), samples.quantile(0.99), samples.median() / base.median());
  std::fflush(stdout);
}

}  // namespace cordon::bench
