// `cordon egress check PROFILE NAME PORT`: what would be decided, and by which grant.
#include <fmt/format.h>

#include <chrono>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/terminal.hpp"
#include "profiles/denied_addresses.hpp"
#include "profiles/egress_grant_json.hpp"
#include "profiles/egress_narrow.hpp"
#include "profiles/host_name.hpp"

namespace cordon::cli {
namespace {

struct Verdict {
  bool allowed = false;
  std::string reason;                 // as a job's report has it; "" when allowed
  std::string why;                    // for people
  const EgressGrant* rule = nullptr;  // the grant that decided
};

EgressGrants grants_of(const Session& session, const std::string& profile) {
  const auto all = broadest_client(session).get_json({.target = "/v1/profiles"}).at("profiles");
  for (const auto& one : all) {
    if (one.value("name", "") != profile) continue;
    FieldErrors errors;
    ObjectReader reader(one, "", errors);
    auto grants = read_egress(reader, errors);
    if (!errors.empty()) throw Failure(fmt::format("the profile's grants are not understood: {}", errors[0].detail));
    return grants;
  }
  throw Failure(fmt::format("there is no profile \"{}\"", for_one_line(profile)), "`cordon profile list` shows them");
}

bool has_expired(const EgressGrant& grant) {
  return !never_expires(grant) && std::chrono::system_clock::now() >= grant.expires;
}

bool allows_private(const Session& session) {
  return broadest_client(session).get_json({.target = "/v1/info"}).at("egress").value("private_egress", false);
}

// By name or, when the target is written as an address, by network.
const EgressGrant* decide(const EgressGrants& grants, const std::string& target, std::uint16_t port) {
  if (const auto address = parse_ipv4(target)) return deciding_grant(grants, Ipv4Network{*address, 32}, port);
  const auto name = canonical_host_name(target);
  if (!name) throw Failure(fmt::format("the name {}", name.error()));
  return deciding_grant(grants, *name, port);
}

bool is_granted_elsewhere(const EgressGrants& grants, const std::string& target) {
  for (const auto port : ports_of(grants))
    if (decide(grants, target, port) != nullptr) return true;
  return false;
}

// Why a grant of an address is never dialled; "" if it is.
std::string denied_address(const std::string& target, bool private_egress) {
  const auto v4 = parse_ipv4(target);
  if (!v4) return "";
  const IpAddress address(*v4);
  if (may_dial(address, true, private_egress)) return "";
  const auto range = denying_range(address);
  return fmt::format("{} is {}: it is dialled {}", target, range->why,
                     range->can_be_granted ? "only where cordon.json says \"private_egress\": true" : "never");
}

Verdict judge(const EgressGrants& grants, const std::string& target, std::uint16_t port, bool private_egress) {
  if (grants.empty()) return {false, "no_grant", "the profile grants nothing: its jobs have no network", nullptr};
  const auto* rule = decide(grants, target, port);
  if (rule == nullptr && is_granted_elsewhere(grants, target))
    return {false, "port_not_granted", "it is granted on other ports only", nullptr};
  if (rule == nullptr) return {false, "no_grant", "no grant names it", nullptr};
  if (has_expired(*rule)) return {false, "grant_expired", "the grant ended at " + to_utc(rule->expires), rule};
  if (const auto why = denied_address(target, private_egress); !why.empty())
    return {false, "address_denied", why, rule};
  if (parse_ipv4(target)) return {true, "", "the address is granted itself", rule};
  return {true, "", "as long as what it resolves to is no denied address", rule};
}

Json json_of(const Verdict& verdict, const EgressGrants& grants) {
  Json out = {{"verdict", verdict.allowed ? "allowed" : "denied"},
              {"reason", verdict.reason.empty() ? Json() : Json(verdict.reason)},
              {"detail", verdict.why},
              {"rule", nullptr},
              {"grant", nullptr}};
  if (verdict.rule == nullptr) return out;
  out["rule"] = fmt::format("/egress/{}", verdict.rule - grants.data());
  out["grant"] = to_json(EgressGrants{*verdict.rule})[0];
  return out;
}

}  // namespace

int check_egress(const Session& session, const EgressQuestion& question) {
  const auto grants = grants_of(session, question.profile);
  const auto verdict = judge(grants, question.target, question.port, allows_private(session));
  const auto report = json_of(verdict, grants);
  if (session.json) {
    fmt::print("{}\n", json_text(report));
  } else {
    fmt::print("{}: {}\n", report["verdict"].get<std::string>(), verdict.why);
    if (verdict.rule != nullptr) fmt::print("  by {}  {}\n", report["rule"].get<std::string>(), report["grant"].dump());
  }
  return verdict.allowed ? 0 : 1;
}

}  // namespace cordon::cli
