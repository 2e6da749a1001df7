#include "profiles/egress_grant_json.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "profiles/host_name.hpp"

namespace cordon {
namespace {

void read_true(ObjectReader& in, std::string_view key, bool& into) {
  const Json* value = in.find(key);
  if (value == nullptr) return;
  if (*value != true) return in.error(key, "can only be true; leave it away otherwise");
  into = true;
}

void read_target(ObjectReader& in, EgressGrant& into, FieldErrors& errors) {
  const Json* name = in.find("name");
  const Json* cidr = in.find("cidr");
  if ((name == nullptr) == (cidr == nullptr)) return in.error("name", "either \"name\" or \"cidr\" must be there");
  const auto text =
      name != nullptr ? read_string(*name, in.pointer("name"), errors) : read_string(*cidr, in.pointer("cidr"), errors);
  if (!text) return;
  if (name != nullptr) {
    auto canonical = canonical_name_pattern(*text);
    if (!canonical) return in.error("name", std::string(canonical.error()));
    into.name = std::move(*canonical);
  } else {
    const auto network = parse_ipv4_network(*text);
    if (!network) return in.error("cidr", "must be an IPv4 network: 192.0.2.0/24, four decimal parts and a prefix");
    into.network = *network;
  }
}

void read_ports(ObjectReader& in, EgressGrant& into, FieldErrors& errors) {
  const Json* ports = in.find("ports");
  if (ports == nullptr) return;
  if (!ports->is_array()) return in.error("ports", "must be an array of ports");
  if (ports->size() > max_egress_ports) return in.error("ports", "has more than 16");
  for (std::size_t i = 0; i < ports->size(); ++i) {
    const auto port = read_integer((*ports)[i], pointer_to(in.pointer("ports"), i), {1, 65535}, errors);
    if (port) into.ports.push_back(static_cast<std::uint16_t>(*port));
  }
  std::sort(into.ports.begin(), into.ports.end());
}

void read_mode(ObjectReader& in, EgressGrant& into) {
  if (in.find("mode") == nullptr) return;
  std::string text;
  in.optional("mode", text);
  const auto found = std::find(egress_modes.begin(), egress_modes.end(), text);
  if (found == egress_modes.end()) return in.error("mode", "must be \"passthrough\", \"http\" or \"raw\"");
  into.mode = static_cast<EgressMode>(found - egress_modes.begin());
}

void read_budget(ObjectReader& in, const EgressBudget& most, EgressBudget& into, FieldErrors& errors) {
  in.optional("max_connections", {1, most.max_connections}, into.max_connections);
  in.optional("max_bytes_up", {1, most.max_bytes_up}, into.max_bytes_up);
  in.optional("max_bytes_down", {1, most.max_bytes_down}, into.max_bytes_down);
  const Json* value = in.find("rate");
  if (value == nullptr) return;
  ObjectReader rate(*value, in.pointer("rate"), errors);
  rate.optional("connections_per_second", {1, most.connections_per_second}, into.connections_per_second);
  rate.optional("bytes_per_second", {1, most.bytes_per_second}, into.bytes_per_second);
  rate.refuse_unknown_keys();
}

void read_expires(ObjectReader& in, EgressGrant& into) {
  std::string text;
  in.optional("expires", text);
  if (in.find("expires") == nullptr) return;
  const auto time = parse_utc(text);
  if (!time) return in.error("expires", "must be a time in UTC: 2027-01-31T00:00:00Z");
  into.expires = *time;
}

EgressGrant read_grant(const Json& value, std::string_view pointer, FieldErrors& errors) {
  ObjectReader in(value, pointer, errors);
  EgressGrant grant;
  read_target(in, grant, errors);
  in.require("ports"), in.require("mode");
  read_ports(in, grant, errors);
  read_mode(in, grant);
  read_budget(in, max_egress_budget, grant.budget, errors);
  read_expires(in, grant);
  read_true(in, "accept_fronting", grant.accept_fronting);
  read_true(in, "allow_shared_suffix", grant.allow_shared_suffix);
  in.refuse_unknown_keys();
  return grant;
}

// `count` decimal digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

std::optional<int> take_field(std::string_view& text, std::size_t digits, char behind) {
  const auto value = take_digits(text, digits);
  if (!value || text.empty() || text[0] != behind) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

}  // namespace

EgressGrants read_egress(ObjectReader& document, FieldErrors& errors) {
  const Json* value = document.find("egress");
  EgressGrants grants;
  if (value == nullptr || value->is_null()) return grants;
  const auto pointer = document.pointer("egress");
  if (!value->is_array()) return document.error("egress", "must be an array of grants"), grants;
  if (value->size() > max_egress_grants) return document.error("egress", "has more than 64 grants"), grants;
  FieldErrors own;
  for (std::size_t i = 0; i < value->size(); ++i)
    grants.push_back(read_grant((*value)[i], pointer_to(pointer, i), own));
  if (const auto fault = own.empty() ? fault_of(grants) : std::nullopt) {
    const auto grant = pointer_to(pointer, fault->grant);
    own.push_back({fault->key.empty() ? grant : pointer_to(grant, fault->key), fault->detail});
  }
  errors.insert(errors.end(), own.begin(), own.end());
  return grants;
}

EgressGrant read_egress_ask(ObjectReader& in, FieldErrors& errors) {
  EgressGrant asked;
  read_target(in, asked, errors);
  read_ports(in, asked, errors);
  if (in.find("ports") != nullptr && asked.ports.empty()) in.error("ports", "must name a port");
  read_mode(in, asked);
  for (const auto* key : {"max_connections", "max_bytes_up", "max_bytes_down", "rate", "expires"}) in.find(key);
  in.refuse_unknown_keys();
  return asked;
}

void read_lower_budget(ObjectReader& in, const EgressBudget& most, EgressBudget& into, FieldErrors& errors) {
  read_budget(in, most, into, errors);
}

void read_earlier_end(ObjectReader& in, const EgressGrant& source, EgressGrant& into) {
  read_expires(in, into);
  if (never_expires(source) || (!never_expires(into) && into.expires <= source.expires)) return;
  in.error("expires", "is later than the profile's: " + to_utc(source.expires));
}

void check_egress_asks(const Json& asked, std::string_view pointer, FieldErrors& errors) {
  const auto refuse = [&](const char* detail) { errors.push_back({std::string(pointer), detail}); };
  if (asked.is_null()) return;
  if (!asked.is_array()) return refuse("must be an array of grants");
  if (asked.size() > max_egress_grants) return refuse("has more than 64 grants");
  for (std::size_t i = 0; i < asked.size(); ++i) {
    ObjectReader in(asked[i], pointer_to(pointer, i), errors);
    auto one = read_egress_ask(in, errors);
    read_budget(in, max_egress_budget, one.budget, errors);
    read_expires(in, one);
  }
}

Json to_json(const EgressGrants& grants) {
  Json all = Json::array();
  for (const auto& grant : grants) {
    Json one = {{grant.name.empty() ? "cidr" : "name", to_text(grant)},
                {"ports", grant.ports},
                {"mode", egress_modes[static_cast<std::size_t>(grant.mode)]},
                {"max_connections", grant.budget.max_connections},
                {"max_bytes_up", grant.budget.max_bytes_up},
                {"max_bytes_down", grant.budget.max_bytes_down},
                {"rate",
                 {{"connections_per_second", grant.budget.connections_per_second},
                  {"bytes_per_second", grant.budget.bytes_per_second}}}};
    if (!never_expires(grant)) one["expires"] = to_utc(grant.expires);
    if (grant.accept_fronting) one["accept_fronting"] = true;
    if (grant.allow_shared_suffix) one["allow_shared_suffix"] = true;
    all.push_back(std::move(one));
  }
  return all;
}

std::optional<std::chrono::sys_seconds> parse_utc(std::string_view text) {
  using namespace std::chrono;
  const auto y = take_field(text, 4, '-'), mo = take_field(text, 2, '-'), d = take_field(text, 2, 'T');
  const auto h = take_field(text, 2, ':'), mi = take_field(text, 2, ':'), s = take_field(text, 2, 'Z');
  if (!y || !mo || !d || !h || !mi || !s || !text.empty()) return std::nullopt;
  const year_month_day date{year(*y), month(static_cast<unsigned>(*mo)), day(static_cast<unsigned>(*d))};
  if (!date.ok() || *y < 1970 || *h > 23 || *mi > 59 || *s > 59) return std::nullopt;
  return sys_days(date) + hours(*h) + minutes(*mi) + seconds(*s);
}

std::string to_utc(std::chrono::sys_seconds time) {
  using namespace std::chrono;
  const auto days = floor<std::chrono::days>(time);
  const year_month_day date(days);
  const hh_mm_ss clock(time - days);
  char out[32];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return out;
}

}  // namespace cordon
