// All grants: looked up by the digest of their secret, counted, revoked with all that were made from them. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/authority/grant.hpp"

namespace cordon {

class GrantBook {
 public:
  static constexpr std::size_t most = 65536, most_of_one_uid = 1024;

  const Grant* find(const std::string& name) const;
  std::vector<const Grant*> of(std::optional<std::uint32_t> uid) const;  // oldest first; nullopt: everybody's
  bool is_from(const Grant& grant, std::uint32_t uid) const;             // it, or what it was made from, is this uid's

  // Why it is no longer good: it or one that it was made from was revoked, has expired, is not there. nullopt: it is.
  std::optional<std::string> ended(const std::string& name, std::int64_t age_s) const;
  bool is_used_up(const std::string& name) const;  // it, or one that it was made from

  bool has_room(std::uint32_t uid) const;
  void add(Grant grant);

  // One use, of it and of all that it was made from. The names and their new counts.
  using Counts = std::vector<std::pair<std::string, std::uint64_t>>;
  Counts take(const std::string& name);
  void give_back(const std::string& name);  // nothing came of it

  // It and all that were made from it, without those that were revoked before.
  std::vector<std::string> revoke(const std::string& name, const std::string& by);
  // Those that nobody can use any more since a day, and on which no other rests. They are forgotten.
  std::vector<std::string> forget_old(std::int64_t age_s);

 private:
  template <typename Each>
  void up_from(const std::string& name, Each each) const;

  std::map<std::string, Grant> grants_;
};

}  // namespace cordon
