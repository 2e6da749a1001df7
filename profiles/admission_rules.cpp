#include "profiles/admission_rules.hpp"

#include <algorithm>
#include <cmath>

namespace cordon {
namespace {

constexpr std::uint64_t most = std::uint64_t{1} << 50;  // keeps all later arithmetic far from wrapping

void read_count(ObjectReader& object, std::string_view key, IntegerRange range, std::optional<std::uint32_t>& into) {
  if (object.find(key) == nullptr) return;
  std::uint32_t value = 0;
  object.optional(key, range, value);
  into = value;
}

// A number with at most three decimals, kept in thousandths.
std::uint64_t read_thousandths(ObjectReader& object, std::string_view key) {
  const Json* value = object.require(key);
  if (value == nullptr) return 1;
  if (!value->is_number()) return object.error(key, "must be a number"), 1;
  const double thousandths = value->get<double>() * 1000;
  const double rounded = std::round(thousandths);
  if (!(thousandths >= 1 && thousandths <= 1e9)) return object.error(key, "must be from 0.001 to 1000000"), 1;
  if (std::abs(thousandths - rounded) > 1e-6) return object.error(key, "must have at most 3 decimals"), 1;
  return static_cast<std::uint64_t>(rounded);
}

void read_rate(ObjectReader& object, Allowance& into, FieldErrors& errors) {
  const Json* value = object.find("rate");
  if (value == nullptr) return;
  ObjectReader rate(*value, object.pointer("rate"), errors);
  Rate read;
  read.milli_per_second = read_thousandths(rate, "jobs_per_second");
  rate.optional("burst", {1, 1'000'000}, read.burst);
  rate.refuse_unknown_keys();
  into.rate = read;
}

void read_budget(ObjectReader& budgets, Resource resource, Allowance& into, FieldErrors& errors) {
  const auto& field = field_of(resource);
  const Json* value = budgets.find(field.name);
  if (value == nullptr) return;
  ObjectReader object(*value, budgets.pointer(field.name), errors);
  for (const auto window : {Window::hour, Window::day}) {
    const auto key = field_of(window).name;
    if (object.find(key) == nullptr) continue;
    std::uint64_t limit = 1;
    object.optional(key, {1, most / field.unit}, limit);
    into.budgets.push_back({resource, window, limit * field.unit});
  }
  object.refuse_unknown_keys();
}

void read_budgets(ObjectReader& object, Allowance& into, FieldErrors& errors) {
  const Json* value = object.find("budgets");
  if (value == nullptr) return;
  ObjectReader budgets(*value, object.pointer("budgets"), errors);
  for (const auto resource : {Resource::cpu, Resource::jobs, Resource::output, Resource::artifacts}) {
    read_budget(budgets, resource, into, errors);
  }
  budgets.refuse_unknown_keys();
}

Allowance allowance_of(const Json& value, std::string_view pointer, bool is_tenant, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  Allowance allowance;
  if (is_tenant) object.optional("weight", {1, 1000}, allowance.weight);
  read_allowance(object, allowance, errors);
  object.refuse_unknown_keys();
  return allowance;
}

void read_allowances(ObjectReader& admission, std::string_view key, Allowances& into, FieldErrors& errors) {
  const Json* all = admission.find(key);
  if (all == nullptr) return;
  if (!all->is_object()) return admission.error(key, "must be an object");
  for (const auto& [name, value] : all->items()) {
    into.emplace(name, allowance_of(value, pointer_to(admission.pointer(key), name), key == "tenants", errors));
  }
}

void read_reserve(ObjectReader& admission, HostReserve& into, FieldErrors& errors) {
  const Json* value = admission.find("host_reserve");
  if (value == nullptr) return;
  ObjectReader object(*value, admission.pointer("host_reserve"), errors);
  object.optional("memory_bytes", {0, most}, into.memory_bytes);
  object.optional("pids", {0, 4'194'304}, into.pids);
  object.refuse_unknown_keys();
}

void read_trip(ObjectReader& breaker, std::string_view key, CircuitRule& into, FieldErrors& errors) {
  const Json* value = breaker.find(key);
  if (value == nullptr) return;
  if (*value == "off") {
    into.jobs = 0;
    return;
  }
  if (!value->is_object()) return breaker.error(key, R"(must be "off" or {"jobs", "seconds"})");
  ObjectReader object(*value, breaker.pointer(key), errors);
  into.jobs = static_cast<std::uint32_t>(object.require_integer("jobs", {2, 1'000'000}));
  into.within = std::chrono::seconds(object.require_integer("seconds", {1, 86400}));
  object.refuse_unknown_keys();
}

void read_breaker(ObjectReader& admission, BreakerRules& into, FieldErrors& errors) {
  const Json* value = admission.find("circuit_breaker");
  if (value == nullptr) return;
  if (*value == "off") {
    into.identical.jobs = into.identical_failures.jobs = into.failures.jobs = 0;
    return;
  }
  if (!value->is_object()) return admission.error("circuit_breaker", R"(must be "off" or an object)");
  ObjectReader object(*value, admission.pointer("circuit_breaker"), errors);
  read_trip(object, "identical", into.identical, errors);
  read_trip(object, "identical_failures", into.identical_failures, errors);
  read_trip(object, "failures", into.failures, errors);
  auto open = static_cast<std::uint64_t>(into.open.count());
  object.optional("open_seconds", {1, 86400}, open);
  into.open = std::chrono::seconds(open);
  object.refuse_unknown_keys();
}

bool is_unlisted(std::string_view name) {
  return name.starts_with("uid:") && name.size() > 4 && name.find_first_not_of("0123456789", 4) == name.npos;
}

// A limit for nobody would be one that somebody believes in and that does not hold.
void refuse_limits_of_nobody(const ActorsConfig& actors, const AdmissionRules& rules, FieldErrors& errors) {
  const auto is_actor = [&](const std::string& name) {
    return std::any_of(actors.known.begin(), actors.known.end(), [&](const auto& actor) { return actor.name == name; });
  };
  const auto is_tenant = [&](const std::string& name) {
    return actors.unknown_tenant == name || std::any_of(actors.known.begin(), actors.known.end(),
                                                        [&](const auto& actor) { return actor.tenant == name; });
  };
  for (const auto& [name, allowance] : rules.tenants) {
    if (name == "*" || is_tenant(name)) continue;
    errors.push_back({pointer_to("/admission/tenants", name), "no actor belongs to this tenant"});
  }
  for (const auto& [name, allowance] : rules.actors) {
    if (name == "*" || is_unlisted(name) || is_actor(name)) continue;
    errors.push_back({pointer_to("/admission/actors", name), "there is no such actor in \"actors\""});
  }
}

template <typename T>
std::optional<T> lower(const std::optional<T>& a, const std::optional<T>& b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

void read_allowance(ObjectReader& object, Allowance& into, FieldErrors& errors) {
  read_count(object, "max_running", {1, 65536}, into.max_running);
  read_count(object, "max_queued", {0, 1'000'000}, into.max_queued);
  read_rate(object, into, errors);
  read_budgets(object, into, errors);
}

Allowance meet(const Allowance& a, const Allowance& b) {
  Allowance both{std::min(a.weight, b.weight), lower(a.max_running, b.max_running), lower(a.max_queued, b.max_queued),
                 a.rate, a.budgets};
  if (!both.rate) both.rate = b.rate;
  if (a.rate && b.rate)
    both.rate =
        Rate{std::min(a.rate->milli_per_second, b.rate->milli_per_second), std::min(a.rate->burst, b.rate->burst)};
  for (const auto& rule : b.budgets) {
    const auto same = std::find_if(both.budgets.begin(), both.budgets.end(), [&](const BudgetRule& r) {
      return r.resource == rule.resource && r.window == rule.window;
    });
    if (same == both.budgets.end()) {
      both.budgets.push_back(rule);
    } else {
      same->limit = std::min(same->limit, rule.limit);
    }
  }
  return both;
}

void read_admission(ObjectReader& document, const ActorsConfig& actors, AdmissionRules& into, FieldErrors& errors) {
  const Json* value = document.find("admission");
  if (value == nullptr) return;
  ObjectReader object(*value, "/admission", errors);
  read_allowances(object, "tenants", into.tenants, errors);
  read_allowances(object, "actors", into.actors, errors);
  read_allowances(object, "tools", into.tools, errors);
  read_allowances(object, "profiles", into.profiles, errors);
  read_reserve(object, into.reserve, errors);
  read_breaker(object, into.breaker, errors);
  object.refuse_unknown_keys();
  refuse_limits_of_nobody(actors, into, errors);
}

}  // namespace cordon
