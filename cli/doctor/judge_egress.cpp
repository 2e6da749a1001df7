#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/doctor/judge.hpp"

namespace cordon::cli::doctor {
namespace {

// Is it used at all, and can it do what is asked of it? Without any use there is nothing else to look at.
Finding judge_use(const EgressFacts& egress, const EgressConfig& config) {
  Finding f{"egress",
            Verdict::not_tested,
            Weight::useful,
            "cordond does not answer, and it alone knows which profiles are in force",
            "what jobs may reach; without it they have no network at all",
            "docs/egress.md says how it is set up; cordon egress check PROFILE NAME PORT explains a decision"};
  if (!egress.is_used(config) && !egress.granting) return f;
  f.verdict = Verdict::found;
  if (!egress.is_used(config)) {
    f.detail =
        "not in use: no profile grants any, so no job reaches a network, and nothing is there that could be reached";
    return f;
  }
  if (!egress.granting || egress.granting->profiles.empty()) {
    f.detail = egress.granting ? "set up, and no profile grants anything"
                               : "set up; cordond does not answer, so which profiles grant is not known";
    return f;
  }
  f.detail = fmt::format("granted by {}", fmt::join(egress.granting->profiles, ", "));
  if (!egress.granting->by_name || !config.resolvers.empty()) return f;
  f.verdict = Verdict::missing;
  f.weight = Weight::needed;
  f.detail += ": names, and no resolver is configured that could be asked for them";
  f.remedy =
      "cordon.json: \"egress\": {\"resolvers\": [ADDRESS]}, and RESOLVER in /etc/cordon/egress.env; then load the wall "
      "again";
  return f;
}

Finding judge_looked(Finding f, const Looked& looked) {
  f.verdict = !looked.well ? Verdict::not_tested : *looked.well ? Verdict::found : Verdict::missing;
  f.detail = looked.detail.empty() ? "nobody looked" : looked.detail;
  return f;
}

}  // namespace

Findings judge_egress(const EgressFacts& egress, const EgressConfig& config) {
  Findings findings{judge_use(egress, config)};
  if (!egress.is_used(config)) return findings;
  const bool is_granted = !egress.granting || !egress.granting->profiles.empty();
  const auto weight = is_granted ? Weight::needed : Weight::useful;
  findings.push_back(
      judge_looked({"egress.wall", Verdict::not_tested, weight, "",
                    "it holds cordon-egress even if that is taken over; without it no job has egress",
                    "systemctl reload-or-restart cordon-egress-wall; cordon-egress-wall --check says more"},
                   egress.wall));
  findings.push_back(judge_looked({"egress.proxy", Verdict::not_tested, weight, "",
                                   "the only way out of a sandbox; without it jobs with grants end as setup_failed",
                                   "systemctl restart cordon-egress; journalctl -u cordon-egress -u cordond"},
                                  egress.proxy));
  return findings;
}

}  // namespace cordon::cli::doctor
