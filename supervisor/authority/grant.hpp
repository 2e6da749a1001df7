// What somebody may do for a while: for whom, what for, with which tools, on what, how often, until when. A grant made
// from another is at most as wide. Pure: time comes in as the journal's age.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/json_reader.hpp"
#include "supervisor/text/timestamp.hpp"

namespace cordon {

using NameList = std::optional<std::vector<std::string>>;  // nullopt: any

struct GrantTerms {
  std::uint32_t uid = 0;      // of whom the kernel says that they are
  std::string actor, tenant;  // empty: whoever that uid is
  std::string task;           // what for; empty: nothing in particular
  NameList tools, profiles;   // a plain job has no tool, and so needs a grant that names none
  NameList actions;           // classes of side effects, likewise
  NameList resources;         // a trailing "*" stands for any end
  NameList data_classes;      // of all data that goes in
  std::int64_t expires_age_s = 0;
  std::optional<std::uint64_t> uses;
  bool operator==(const GrantTerms&) const = default;
};

struct Grant {
  std::string name;    // public; made from the secret's digest, which is all that is kept of it
  std::string parent;  // empty: an operator made it
  GrantTerms terms;
  std::string made_by;  // an actor
  WallTime made_at, expires_at;
  std::uint64_t used = 0;
  std::optional<std::string> revoked_by;
};

// What somebody asks for: what is left out is as in the parent, or without limit.
struct GrantRequest {
  std::string parent;  // its secret
  std::optional<std::uint32_t> uid;
  std::string actor, tenant, task;
  NameList tools, profiles, actions, resources, data_classes;
  std::uint32_t expires_s = 0;  // 0: as long as the parent
  std::optional<std::uint64_t> uses;
};
inline constexpr std::uint32_t longest_grant_s = 30 * 86400;

GrantRequest read_grant_request(const Json& value, FieldErrors& errors);

GrantTerms first_terms(const GrantRequest& request, std::int64_t age_s);  // of an operator's own
// The meet of a grant and a request, where the request asks for no more; otherwise the pointers of what is wider.
tl::expected<GrantTerms, FieldErrors> narrowed(const GrantTerms& parent, const GrantRequest& request,
                                               std::int64_t age_s);

// One use of it.
struct GrantUse {
  std::uint32_t uid = 0;
  std::string actor, tenant, tool, profile, action;  // action: of a plain job empty
  std::vector<std::string> resources, data_classes;
};
// What the terms do not allow; nullopt: they allow it. Expiry and counts are the book's.
std::optional<std::string> beyond(const GrantTerms& terms, const GrantUse& use);

std::string grant_name(std::string_view secret);
std::string fresh_secret();  // 256 random bits as 64 hexadecimal digits

Json to_json(const Grant& grant);                     // for the journal
std::optional<Grant> parse_grant(const Json& value);  // nullopt: it is not what to_json() wrote
Json told(const Grant& grant, std::int64_t age_s);    // to whoever may see it

}  // namespace cordon
