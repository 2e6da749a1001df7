// Which prestarted interpreter may have a job: asked before one is taken out of the pool. Pure.
#pragma once

#include <string>
#include <vector>

#include "profiles/profile.hpp"
#include "profiles/warm_rules.hpp"
#include "sandbox/payload.hpp"

namespace cordon {

// One that a profile names, and how it is started.
struct PrestartOffer {
  std::string name;              // "python"
  std::vector<std::string> env;  // "NAME=value"
  bool has_imports = false;
  Limits limits;
};
using PrestartOffers = std::vector<PrestartOffer>;

PrestartOffers offers_of(const Profile& profile, const WarmRule& rule);

// Its name; "" when none may. `bytes`: of the payload and stdin together.
std::string choose_prestart(const PrestartOffers& offers, const Payload& payload, std::uint64_t bytes,
                            const Limits& limits);

}  // namespace cordon
