// Who a job belongs to, as what is recorded of it says. Pure.
#pragma once

#include <string>

#include "profiles/codec.hpp"

namespace cordon {

struct JobOwner {
  std::string actor, tenant;
  std::string tool;  // "": the job is no call of one
  std::string profile;
  bool operator==(const JobOwner&) const = default;
};

namespace wire {

inline constexpr std::size_t max_owner_name = 128;  // bytes, of each

inline void write_owner(Writer& w, const JobOwner& owner) {
  for (const auto* name : {&owner.actor, &owner.tenant, &owner.tool, &owner.profile}) w.string(*name);
}

inline JobOwner read_owner(Reader& r) {
  JobOwner owner;
  for (auto* name : {&owner.actor, &owner.tenant, &owner.tool, &owner.profile}) *name = r.string(max_owner_name);
  return owner;
}

}  // namespace wire
}  // namespace cordon
