#include "supervisor/authority/grant_book.hpp"

#include <algorithm>
#include <set>

namespace cordon {
namespace {

constexpr std::int64_t shown_after_end_s = 86400;
constexpr int deepest = 64;  // generations: a damaged journal could have a ring

}  // namespace

const Grant* GrantBook::find(const std::string& name) const {
  const auto at = grants_.find(name);
  return at == grants_.end() ? nullptr : &at->second;
}

// `each` gets the grant and then what it was made from; nullptr where that is not there.
template <typename Each>
void GrantBook::up_from(const std::string& name, Each each) const {
  const auto* grant = find(name);
  for (int i = 0; i < deepest; ++i) {
    each(grant);
    if (grant == nullptr || grant->parent.empty()) return;
    grant = find(grant->parent);
  }
  each(nullptr);
}

std::vector<const Grant*> GrantBook::of(std::optional<std::uint32_t> uid) const {
  std::vector<const Grant*> out;
  for (const auto& [name, grant] : grants_) {
    if (!uid || grant.terms.uid == *uid) out.push_back(&grant);
  }
  std::sort(out.begin(), out.end(), [](const Grant* a, const Grant* b) { return a->made_at < b->made_at; });
  return out;
}

bool GrantBook::is_from(const Grant& grant, std::uint32_t uid) const {
  bool from = false;
  up_from(grant.name, [&](const Grant* one) { from = from || (one != nullptr && one->terms.uid == uid); });
  return from;
}

std::optional<std::string> GrantBook::ended(const std::string& name, std::int64_t age_s) const {
  std::optional<std::string> why;
  up_from(name, [&](const Grant* grant) {
    if (why) return;
    if (grant == nullptr) {
      why = "there is no such grant";
    } else if (grant->revoked_by) {
      why = "the grant was revoked by " + *grant->revoked_by;
    } else if (age_s >= grant->terms.expires_age_s) {
      why = "the grant has expired";
    }
  });
  return why;
}

bool GrantBook::is_used_up(const std::string& name) const {
  bool used_up = false;
  up_from(name, [&](const Grant* grant) {
    used_up = used_up || grant == nullptr || (grant->terms.uses && grant->used >= *grant->terms.uses);
  });
  return used_up;
}

bool GrantBook::has_room(std::uint32_t uid) const {
  return grants_.size() < most && of(uid).size() < most_of_one_uid;
}

void GrantBook::add(Grant grant) {
  auto name = grant.name;
  grants_.insert_or_assign(std::move(name), std::move(grant));
}

GrantBook::Counts GrantBook::take(const std::string& name) {
  Counts counts;
  std::vector<std::string> names;
  up_from(name, [&](const Grant* grant) {
    if (grant != nullptr) names.push_back(grant->name);
  });
  for (const auto& one : names) counts.emplace_back(one, ++grants_.at(one).used);
  return counts;
}

void GrantBook::give_back(const std::string& name) {
  std::vector<std::string> names;
  up_from(name, [&](const Grant* grant) {
    if (grant != nullptr) names.push_back(grant->name);
  });
  for (const auto& one : names) {
    auto& used = grants_.at(one).used;
    if (used > 0) --used;
  }
}

std::vector<std::string> GrantBook::revoke(const std::string& name, const std::string& by) {
  std::vector<std::string> revoked;
  for (auto& [other, grant] : grants_) {
    bool rests_on_it = false;
    up_from(other, [&](const Grant* one) { rests_on_it = rests_on_it || (one != nullptr && one->name == name); });
    if (!rests_on_it || grant.revoked_by) continue;
    grant.revoked_by = by;
    revoked.push_back(other);
  }
  return revoked;
}

std::vector<std::string> GrantBook::forget_old(std::int64_t age_s) {
  std::set<std::string> rested_on;
  for (const auto& [name, grant] : grants_) rested_on.insert(grant.parent);
  std::vector<std::string> old;
  for (const auto& [name, grant] : grants_) {
    if (!rested_on.contains(name) && age_s >= grant.terms.expires_age_s + shown_after_end_s) old.push_back(name);
  }
  for (const auto& name : old) grants_.erase(name);
  return old;
}

}  // namespace cordon
