// What the measurements found, kept from one program to the next in figures.json beside the build's bin/: the goals are
// judged by it (goals.cpp). A name is such as "latency.true.warm.p50"; times are milliseconds.
#pragma once

#include <optional>
#include <string>

namespace cordon::bench {

// Replaces an earlier one of that name.
void record(const std::string& name, double value);
std::optional<double> recorded(const std::string& name);  // nullopt: it was not measured

}  // namespace cordon::bench
