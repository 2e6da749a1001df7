#include "supervisor/warm/prestart_choice.hpp"

#include <algorithm>

#include "sandbox/prestart/limits.hpp"
#include "sandbox/prestart/prestart.hpp"

namespace cordon {
namespace {

using Views = std::vector<std::string_view>;

Views views_of(const std::vector<std::string>& strings) {
  return {strings.begin(), strings.end()};
}

bool may_take(const PrestartOffer& offer, const prestart::Wanted& job, const Limits& limits) {
  const auto language = prestart::language_of(offer.name);
  const auto env = views_of(offer.env);
  const prestart::Start start{language, prestart::command_of(language), env, offer.has_imports};
  return prestart::why_not(language, offer.limits, limits) == nullptr && prestart::why_not(start, job) == nullptr;
}

}  // namespace

PrestartOffers offers_of(const Profile& profile, const WarmRule& rule) {
  PrestartOffers offers;
  for (const auto& [name, counts] : rule.prestart) {
    PrestartOffer offer{name, {}, !profile.prestart.at(name).imports.empty(), profile.defaults};
    for (const auto& [variable, value] : profile.env) offer.env.emplace_back(variable).append("=").append(value);
    offers.push_back(std::move(offer));
  }
  return offers;
}

std::string choose_prestart(const PrestartOffers& offers, const Payload& payload, std::uint64_t bytes,
                            const Limits& limits) {
  if (offers.empty() || bytes > prestart::max_input) return {};
  const auto argv = views_of(payload.argv), env = views_of(payload.env);
  Views paths, contents;
  for (const auto& file : payload.files) {
    paths.push_back(file.path);
    contents.push_back(file.content);
  }
  const prestart::Wanted job{argv, env, payload.cwd, paths, contents};
  const auto chosen =
      std::find_if(offers.begin(), offers.end(), [&](const auto& offer) { return may_take(offer, job, limits); });
  return chosen == offers.end() ? std::string() : chosen->name;
}

}  // namespace cordon
