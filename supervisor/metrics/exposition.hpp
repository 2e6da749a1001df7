// Writes Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "supervisor/metrics/histogram.hpp"

namespace cordon {

class Exposition {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;

  // Everything up to the next family belongs to this one. `type`: counter, gauge or histogram.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, double value);
  void sample(Labels labels, std::uint64_t value);
  void histogram(Labels labels, const Histogram& histogram);

  std::string take() { return std::exchange(text_, {}); }

 private:
  void line(std::string_view suffix, Labels labels, std::string_view le, std::string_view value);

  std::string text_, name_;
};

}  // namespace cordon
