// What was measured, and the table it is told in.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace cordon::bench {

using Clock = std::chrono::steady_clock;

class Samples {
 public:
  void add(double milliseconds) { values_.push_back(milliseconds); }
  void add(const Samples& more) { values_.insert(values_.end(), more.values_.begin(), more.values_.end()); }
  // Adds how long `work` took.
  template <typename Work>
  void time(Work work) {
    const auto begun = Clock::now();
    work();
    add(std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
  }
  std::size_t size() const { return values_.size(); }
  // The smallest value that `share` (0 to 1) of all do not exceed; of none, 0.
  double quantile(double share) const;
  double median() const { return quantile(0.5); }

 private:
  std::vector<double> values_;
};

// Markdown, to standard output. A row: its name, n, p50, p95, p99 (milliseconds), and p50 as a multiple of that of
// `base`, the bare row.
void print_heading(const std::string& title, const std::string& explanation);
void print_row(const std::string& name, const Samples& samples, const Samples& base);
inline constexpr std::size_t latency_columns = 6;

}  // namespace cordon::bench
