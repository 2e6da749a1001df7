#include "supervisor/admission/refusals.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cordon {
namespace {

constexpr const char* try_later = "Try again after the seconds that Retry-After names.";

// Never too early by rounding.
unsigned whole_seconds(std::chrono::nanoseconds wait) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return static_cast<unsigned>(std::clamp<std::int64_t>(seconds, 1, 1'000'000'000));
}

Rejection refusal(unsigned status, std::string code, std::string detail, std::chrono::nanoseconds wait,
                  LimitReached limit) {
  Rejection out{status, std::move(code), status == 503 ? "Too busy" : "Too many requests", std::move(detail),
                try_later};
  out.retry_after = whole_seconds(wait);
  out.limit = std::move(limit);
  return out;
}

std::string shown(const LimitScope& scope) {
  return fmt::format("{} \"{}\"", to_string(scope.kind), scope.name);
}

LimitReached limit_of(const LimitScope& scope, std::string name, double value) {
  return {std::string(to_string(scope.kind)), scope.name, std::move(name), value};
}

}  // namespace

std::string name_of(const BudgetRule& rule) {
  return fmt::format("{} {}", field_of(rule.resource).name, field_of(rule.window).name);
}

double shown(const BudgetRule& rule, std::uint64_t amount) {
  return static_cast<double>(amount) / static_cast<double>(field_of(rule.resource).unit);
}

Rejection unknown_actor(const std::string& actor) {
  return {403, "unknown_actor", "Forbidden", "the configuration knows no actor for " + actor,
          "Have the operator add it to \"actors\", or give unknown actors a tenant."};
}

Rejection rate_limited(const LimitScope& scope, const Rate& rate, std::chrono::nanoseconds wait) {
  const auto per_second = static_cast<double>(rate.milli_per_second) / 1000;
  return refusal(429, "rate_limited",
                 fmt::format("{} may submit {} jobs a second, and {} at once", shown(scope), per_second, rate.burst),
                 wait, limit_of(scope, "rate", per_second));
}

Rejection budget_exhausted(const BudgetState& budget) {
  return refusal(429, "budget_exhausted",
                 fmt::format("{} has used {:.6g} of {:.6g} {}", shown(budget.scope), shown(budget.rule, budget.used),
                             shown(budget.rule, budget.rule.limit), name_of(budget.rule)),
                 budget.remaining, limit_of(budget.scope, name_of(budget.rule), shown(budget.rule, budget.rule.limit)));
}

Rejection circuit_open(const CircuitBreaker::Tripped& tripped) {
  const auto what =
      tripped.tool.empty() ? fmt::format("profile \"{}\"", tripped.profile) : fmt::format("tool \"{}\"", tripped.tool);
  std::string why = "jobs failed";
  if (tripped.kind == TripKind::identical) why = "identical jobs were submitted";
  if (tripped.kind == TripKind::identical_failures) why = "identical jobs failed";
  auto out = refusal(429, "circuit_open",
                     fmt::format("{} {} of actor \"{}\" under {}: this looks like a loop{}", tripped.count, why,
                                 tripped.actor, what, tripped.trial ? "; one job is being tried" : ""),
                     tripped.wait,
                     limit_of({ScopeKind::actor, tripped.actor}, std::string(to_string(tripped.kind)), tripped.count));
  out.remedy =
      "Find out why before submitting the same again. After Retry-After one job is let through for a trial; the "
      "operator can reset it with `cordon breaker reset`.";
  return out;
}

Rejection too_many_queued(const LimitScope& scope, const char* limit, double value, std::chrono::nanoseconds wait) {
  return refusal(429, "too_many_queued",
                 fmt::format("{} has enough jobs waiting ({} {:.10g})", shown(scope), limit, value), wait,
                 limit_of(scope, limit, value));
}

Rejection queue_full(const char* limit, double value, std::chrono::nanoseconds wait) {
  return refusal(503, "queue_full", fmt::format("the queue is full ({} {:.10g})", limit, value), wait,
                 {"instance", "", limit, value});
}

}  // namespace cordon
