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
  config["warm"]["default"] = {{"prestart", {{"python", test::Json::object()}}}};
  if (ready) config["warm"]["default"] = {{"min", *ready}, {"max", *ready}};
  return config;
}

test::Json warm_python(unsigned ready) {
  const test::Json python{{"min", ready}, {"max", ready}};
  return {{"warm", {{"default", {{"min", 0}, {"max", 0}, {"prestart", {{"python", python}}}}}}}};
}

WarmUse warm_use(const test::Instance& cordon) {
  const auto answer = test::call(cordon.operator_socket(), {.target = "/metrics"});
  if (answer.status != 200) throw std::runtime_error("no metrics: " + answer.body);
  // A job for which no python waited, and that took another, was counted as a miss there.
  return {counter(answer.body, R"(cordon_warm_hits_total{profile="default",prestart="none"})") +
              counter(answer.body, R"(cordon_warm_hits_total{profile="default",prestart="python"})"),
          counter(answer.body, R"(cordon_warm_misses_total{profile="default",prestart="none"})")};
}

std::string told(const WarmUse& use) {
  return fmt::format("Of {} jobs of the instance with warm sandboxes, {} found one ready.", use.hits + use.misses,
                     use.hits);
}

}  // namespace cordon::bench
