#include "tests/bench/warm.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace cordon::bench {
namespace {

// A counter's value in Prometheus' text; 0 while nothing was counted.
std::uint64_t counter(const std::string& metrics, const std::string& series) {
  const auto at = metrics.find("\n" + series + " ");
  return at == std::string::npos ? 0 : std::stoull(metrics.substr(at + series.size() + 2));
}

}  // namespace

test::Json cold(test::Json config) {
  config["warm"] = test::Json::object();
  return config;
}

test::Json warm(test::Json config, std::optional<unsigned> ready) {
  config["warm"]["default"] = test::Json::object();
  if (ready) config["warm"]["default"] = {{"min", *ready}, {"max", *ready}};
  return config;
}

std::optional<test::Json> warm_python(unsigned /*ready*/) {
  return std::nullopt;
}

WarmUse warm_use(const test::Instance& cordon) {
  const auto answer = test::call(cordon.operator_socket(), {.target = "/metrics"});
  if (answer.status != 200) throw std::runtime_error("no metrics: " + answer.body);
  return {counter(answer.body, R"(cordon_warm_hits_total{profile="default"})"),
          counter(answer.body, R"(cordon_warm_misses_total{profile="default"})")};
}

std::string told(const WarmUse& use) {
  return fmt::format("Of {} jobs of the instance with warm sandboxes, {} found one ready.", use.hits + use.misses,
                     use.hits);
}

}  // namespace cordon::bench
