// Reads Prometheus' text format 0.0.4 as strictly as promtool does: families are declared before their samples and
// stand together, names and labels are well formed, no sample is there twice, histograms are whole and cumulative.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace cordon::test {

struct MetricFamily {
  std::string type, help;
  std::map<std::string, double> samples;  // by 'name{labels}' as it stands there
};

// Throws std::runtime_error with the line that is wrong.
std::map<std::string, MetricFamily> read_exposition(const std::string& text);

}  // namespace cordon::test
