// Grants and contexts as the journal knows them: read at the start, made, revoked, forgotten.
#include <algorithm>

#include "supervisor/authority/authority.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

Rejection wider(FieldErrors errors) {
  auto r = invalid_input(std::move(errors));
  r.status = 403;
  r.code = "wider_than_parent";
  r.title = "Forbidden";
  r.remedy = "A grant made from another can only be narrower. Nothing was made.";
  return r;
}

Rejection no_parent(std::string why) {
  return {403, "unknown_grant", "Forbidden", std::move(why), "Name the secret of a grant of yours as \"parent\"."};
}

Rejection too_many() {
  return {429, "too_many_grants", "Too many requests", "there are 65536 grants, or 1024 of this uid and made from its",
          "Let some expire: they are forgotten a day later."};
}

// For one more that is made from this uid's, whosever it becomes.
bool has_room_from(const GrantBook& grants, std::uint32_t uid) {
  const auto all = grants.of(std::nullopt);
  const auto is_its = [&](const Grant* grant) { return grants.is_from(*grant, uid); };
  return std::count_if(all.begin(), all.end(), is_its) < static_cast<std::ptrdiff_t>(GrantBook::most_of_one_uid);
}

Rejection not_written(const std::string& error) {
  auto r = overloaded("journal_unavailable", error, 1);
  r.remedy = "There is no such grant. Mend what the detail names, and try again.";
  return r;
}

}  // namespace

awaitable<void> Authority::begin() {
  std::function<std::vector<GrantRow>(JobRows&)> grants = load_grants;
  for (const auto& row : co_await journal_.read(std::move(grants))) {
    const auto value = parse_strict_json(row.terms);
    auto grant = value ? parse_grant(*value) : std::nullopt;
    if (!grant || grant->name != row.name) {
      log("grant_unreadable", {{"grant", row.name}}, Priority::warning);  // then there is no such grant
      continue;
    }
    grant->used = static_cast<std::uint64_t>(row.used);
    grant->revoked_by = row.revoked;
    grants_.add(std::move(*grant));
  }
  std::function<std::vector<ContextRow>(JobRows&)> contexts = load_contexts;
  for (const auto& row : co_await journal_.read(std::move(contexts))) {
    const auto value = parse_strict_json(row.data);
    const Provenance unknown{true, {}, {}, {}};  // the worst that it can have been
    contexts_.join(row.actor, row.task, value ? provenance_of(*value) : unknown);
  }
}

GrantRow Authority::row_of(const std::string& name) const {
  const auto& grant = *grants_.find(name);
  return {name, to_json(grant).dump(), static_cast<std::int64_t>(grant.used), grant.revoked_by};
}

awaitable<tl::expected<Authority::Minted, Rejection>> Authority::mint(Caller caller, GrantRequest request) {
  Minted minted;
  const auto age = age_s();
  if (request.parent.empty()) {
    if (caller.role != Role::operator_) co_return Refused(no_parent("only operators make grants out of nothing"));
    if (!request.uid) co_return Refused(invalid_input({{"/uid", "is missing: a grant is somebody's"}}));
    minted.grant.terms = first_terms(request, age);
  } else {
    const auto parent_name = grant_name(request.parent);
    const auto* parent = grants_.find(parent_name);
    const bool is_holder = parent != nullptr && (parent->terms.uid == caller.uid || caller.role == Role::operator_);
    if (!is_holder) co_return Refused(no_parent("there is no such grant of yours"));
    if (auto ended = grants_.ended(parent_name, age)) co_return Refused(no_parent(*ended));
    auto terms = narrowed(parent->terms, request, age);
    if (!terms) co_return Refused(wider(terms.error()));
    minted.grant.terms = std::move(*terms);
    minted.grant.parent = parent_name;
  }
  for (auto& name : grants_.forget_old(age)) journal_.note([name](JobRows& rows) { forget_grants(rows, {name}); });
  const bool may_make = caller.role == Role::operator_ || has_room_from(grants_, caller.uid);
  if (!may_make || !grants_.has_room(minted.grant.terms.uid)) co_return Refused(too_many());
  minted.secret = fresh_secret();
  minted.grant.name = grant_name(minted.secret);
  minted.grant.made_by = caller.account.actor;
  minted.grant.made_at = std::chrono::system_clock::now();
  minted.grant.expires_at = minted.grant.made_at + std::chrono::seconds(minted.grant.terms.expires_age_s - age);
  const GrantRow row{minted.grant.name, to_json(minted.grant).dump(), 0, std::nullopt};
  DatabaseThread::Work work = [row](JobRows& rows) { save_grant(rows, row); };
  std::string failed;
  try {
    co_await journal_.write(std::move(work), Durability::power);
  } catch (const std::exception& e) {
    failed = e.what();
  }
  if (!failed.empty()) co_return Refused(not_written(failed));
  // What it was made from may have been revoked while this was written: then `ended` says so of this one, too.
  grants_.add(minted.grant);
  co_return minted;
}

std::vector<std::string> Authority::revoke(const std::string& name, const std::string& by) {
  return grants_.revoke(name, by);
}

awaitable<bool> Authority::write_revoked(std::vector<std::string> names) {
  std::vector<GrantRow> revoked;
  revoked.reserve(names.size());
  for (const auto& name : names) revoked.push_back(row_of(name));
  DatabaseThread::Work work = [revoked](JobRows& rows) {
    for (const auto& row : revoked) save_grant(rows, row);
  };
  try {
    co_await journal_.write(std::move(work), Durability::power);
    co_return true;
  } catch (const std::exception& e) {
    log("journal_failed", {{"error", e.what()}});
  }
  co_return false;
}

awaitable<bool> Authority::clear_context(std::string actor, std::string task) {
  DatabaseThread::Work work = [actor, task](JobRows& rows) { forget_context(rows, actor, task); };
  co_await journal_.write(std::move(work), Durability::power);
  co_return contexts_.clear(actor, task);
}

}  // namespace cordon
