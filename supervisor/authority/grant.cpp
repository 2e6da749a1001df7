#include "supervisor/authority/grant.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "profiles/authority_policy.hpp"
#include "profiles/name.hpp"
#include "profiles/sha256.hpp"
#include "profiles/tool.hpp"

namespace cordon {
namespace {

constexpr std::size_t max_names = 64, max_text = 128, name_digits = 32;

struct ListField {
  const char* name;
  NameList GrantTerms::*of_terms;
  NameList GrantRequest::*of_request;
};
constexpr std::array<ListField, 5> list_fields{
    {{"tools", &GrantTerms::tools, &GrantRequest::tools},
     {"profiles", &GrantTerms::profiles, &GrantRequest::profiles},
     {"actions", &GrantTerms::actions, &GrantRequest::actions},
     {"resources", &GrantTerms::resources, &GrantRequest::resources},
     {"data_classes", &GrantTerms::data_classes, &GrantRequest::data_classes}}};

void read_list(ObjectReader& object, const char* key, NameList& into) {
  if (object.find(key) == nullptr) return;
  std::vector<std::string> names;
  object.optional(key, names);
  if (names.empty() || names.size() > max_names) return object.error(key, "must have 1 to 64 names");
  const auto is_bad = [](const std::string& name) { return name.empty() || name.size() > max_text; };
  if (std::any_of(names.begin(), names.end(), is_bad)) object.error(key, "names have 1 to 128 bytes");
  into = std::move(names);
}

void read_text(ObjectReader& object, const char* key, std::string& into) {
  object.optional(key, into);
  if (into.size() > max_text) object.error(key, "has more than 128 bytes");
}

bool allows(const NameList& list, const std::string& name) {
  return !list ||
         (!name.empty() && std::any_of(list->begin(), list->end(), [&](const auto& one) { return covers(one, name); }));
}

bool allows_all(const NameList& list, const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(), [&](const auto& name) { return allows(list, name); });
}

// A pattern is within another when all that it covers is: "a/*" in "a*".
bool is_within(const NameList& child, const NameList& parent) {
  if (!parent) return true;
  return child && std::all_of(child->begin(), child->end(), [&](const auto& name) {
           return std::any_of(parent->begin(), parent->end(), [&](const auto& one) { return covers(one, name); });
         });
}

bool is_part_of(const std::string& task, const std::string& of) {
  return of.empty() || task == of || task.starts_with(of + "/");
}

void narrow_text(const std::string& asked, std::string& into, const char* pointer, FieldErrors& wider) {
  if (asked.empty()) return;
  if (!into.empty() && into != asked) wider.push_back({pointer, "is another than the parent's"});
  into = asked;
}

Json list_json(const NameList& list) {
  return list ? Json(*list) : Json();
}

NameList list_of(const Json& value) {
  if (value.is_null()) return std::nullopt;
  return value.get<std::vector<std::string>>();
}

WallTime time_of(const Json& value) {
  return WallTime(std::chrono::microseconds(value.get<std::int64_t>()));
}

}  // namespace

GrantRequest read_grant_request(const Json& value, FieldErrors& errors) {
  ObjectReader object(value, "", errors);
  GrantRequest request;
  object.optional("parent", request.parent);
  if (object.find("parent") != nullptr && !parse_hex(request.parent))
    object.error("parent", "must be the secret of a grant: 64 hexadecimal digits");
  if (object.find("uid") != nullptr) {
    std::uint32_t uid = 0;
    object.optional("uid", {0, 0xfffffffe}, uid);
    if (uid == overflow_id) object.error("uid", "65534 is what nobody known looks like");
    request.uid = uid;
  }
  read_text(object, "actor", request.actor);
  read_text(object, "tenant", request.tenant);
  read_text(object, "task", request.task);
  for (const auto& field : list_fields) read_list(object, field.name, request.*field.of_request);
  for (std::size_t i = 0; request.actions && i < request.actions->size(); ++i) {
    if (!parse_side_effects((*request.actions)[i]))
      errors.push_back({pointer_to("/actions", i), "is no class of side effects"});
  }
  object.optional("expires_s", {1, longest_grant_s}, request.expires_s);
  if (object.find("uses") != nullptr) {
    std::uint64_t uses = 1;
    object.optional("uses", {1, 1'000'000'000}, uses);
    request.uses = uses;
  }
  object.refuse_unknown_keys();
  return request;
}

GrantTerms first_terms(const GrantRequest& request, std::int64_t age_s) {
  GrantTerms terms;
  terms.uid = request.uid.value_or(overflow_id);
  terms.actor = request.actor;
  terms.tenant = request.tenant;
  terms.task = request.task;
  for (const auto& field : list_fields) terms.*field.of_terms = request.*field.of_request;
  terms.expires_age_s = age_s + (request.expires_s == 0 ? 3600 : request.expires_s);
  terms.uses = request.uses;
  return terms;
}

tl::expected<GrantTerms, FieldErrors> narrowed(const GrantTerms& parent, const GrantRequest& request,
                                               std::int64_t age_s) {
  FieldErrors wider;
  auto terms = parent;
  if (request.uid) terms.uid = *request.uid;
  narrow_text(request.actor, terms.actor, "/actor", wider);
  narrow_text(request.tenant, terms.tenant, "/tenant", wider);
  if (!request.task.empty()) terms.task = request.task;
  if (!is_part_of(terms.task, parent.task)) wider.push_back({"/task", "is no part of the parent's"});
  for (const auto& field : list_fields) {
    if (!(request.*field.of_request)) continue;
    terms.*field.of_terms = request.*field.of_request;
    if (!is_within(terms.*field.of_terms, parent.*field.of_terms))
      wider.push_back({"/" + std::string(field.name), "has what the parent has not"});
  }
  if (request.expires_s != 0) terms.expires_age_s = age_s + request.expires_s;
  if (terms.expires_age_s > parent.expires_age_s) wider.push_back({"/expires_s", "is later than the parent's end"});
  if (request.uses) terms.uses = request.uses;
  if (parent.uses && (!terms.uses || *terms.uses > *parent.uses))
    wider.push_back({"/uses", "is more than the parent's"});
  if (!wider.empty()) return tl::unexpected(std::move(wider));
  return terms;
}

std::optional<std::string> beyond(const GrantTerms& terms, const GrantUse& use) {
  if (use.uid != terms.uid) return "it is somebody else's";
  if (!terms.actor.empty() && use.actor != terms.actor) return "it is for actor \"" + terms.actor + "\"";
  if (!terms.tenant.empty() && use.tenant != terms.tenant) return "it is for tenant \"" + terms.tenant + "\"";
  if (!allows(terms.tools, use.tool)) return use.tool.empty() ? "it is for calls of tools" : "it is not for this tool";
  if (!allows(terms.profiles, use.profile)) return "it is not for this profile";
  if (!allows(terms.actions, use.action)) return "it is not for such side effects";
  if (!allows_all(terms.resources, use.resources)) return "it is not for these resources";
  if (!allows_all(terms.data_classes, use.data_classes)) return "it is not for such data";
  return std::nullopt;
}

std::string grant_name(std::string_view secret) {
  return hex(sha256(secret)).substr(0, name_digits);
}

std::string fresh_secret() {
  Sha256 bits{};
  randombytes_buf(bits.data(), bits.size());
  return hex(bits);
}

Json to_json(const Grant& grant) {
  const auto& terms = grant.terms;
  Json out = {{"name", grant.name},   {"parent", grant.parent}, {"uid", terms.uid},
              {"actor", terms.actor}, {"tenant", terms.tenant}, {"task", terms.task}};
  for (const auto& field : list_fields) out[field.name] = list_json(terms.*field.of_terms);
  out["expires_age_s"] = terms.expires_age_s;
  out["uses"] = terms.uses ? Json(*terms.uses) : Json();
  out["made_by"] = grant.made_by;
  out["made_at_us"] = unix_us(grant.made_at);
  out["expires_at_us"] = unix_us(grant.expires_at);
  return out;
}

std::optional<Grant> parse_grant(const Json& value) {
  try {
    Grant grant{value.at("name"), value.at("parent"), {}, value.at("made_by"), {}, {}, 0, std::nullopt};
    auto& terms = grant.terms;
    terms.uid = value.at("uid");
    terms.actor = value.at("actor");
    terms.tenant = value.at("tenant");
    terms.task = value.at("task");
    for (const auto& field : list_fields) terms.*field.of_terms = list_of(value.at(field.name));
    terms.expires_age_s = value.at("expires_age_s");
    if (!value.at("uses").is_null()) terms.uses = value.at("uses").get<std::uint64_t>();
    grant.made_at = time_of(value.at("made_at_us"));
    grant.expires_at = time_of(value.at("expires_at_us"));
    return grant;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

Json told(const Grant& grant, std::int64_t age_s) {
  auto out = to_json(grant);
  for (const char* internal : {"expires_age_s", "made_at_us", "expires_at_us"}) out.erase(internal);
  out["used"] = grant.used;
  out["made_at"] = rfc3339(grant.made_at);
  out["expires_at"] = rfc3339(grant.expires_at);
  out["expires_in_s"] = std::max<std::int64_t>(grant.terms.expires_age_s - age_s, 0);
  out["revoked_by"] = grant.revoked_by ? Json(*grant.revoked_by) : Json();
  return out;
}

}  // namespace cordon
