#include "tests/bench/figures.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace cordon::bench {
namespace {

constexpr const char* path = CORDON_BIN_DIR "/../figures.json";

nlohmann::json all() {
  std::ifstream file(path);
  return file ? nlohmann::json::parse(file) : nlohmann::json::object();
}

}  // namespace

void record(const std::string& name, double value) {
  auto figures = all();
  figures[name] = value;
  std::ofstream(path) << figures.dump(1) << '\n';
}

std::optional<double> recorded(const std::string& name) {
  const auto figures = all();
  if (!figures.contains(name)) return std::nullopt;
  return figures.at(name).get<double>();
}

}  // namespace cordon::bench
