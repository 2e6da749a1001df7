#include "profiles/egress_narrow.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "profiles/egress_grant_json.hpp"
#include "profiles/host_name.hpp"

namespace cordon {
namespace {

bool has_port(const EgressGrant& grant, std::uint16_t port) {
  return std::binary_search(grant.ports.begin(), grant.ports.end(), port);
}

const EgressGrant* deciding_grant(const EgressGrants& grants, const EgressGrant& target, std::uint16_t port) {
  return target.name.empty() ? cordon::deciding_grant(grants, target.network, port)
                             : cordon::deciding_grant(grants, target.name, port);
}

// The five numbers of a budget, in one table for all arithmetic.
using Figures = std::array<std::uint64_t, 5>;
Figures figures_of(const EgressBudget& b) {
  return {b.max_connections, b.max_bytes_up, b.max_bytes_down, b.connections_per_second, b.bytes_per_second};
}

EgressBudget budget_of(const Figures& f) {
  return {static_cast<std::uint32_t>(f[0]), f[1], f[2], static_cast<std::uint32_t>(f[3]), f[4]};
}

EgressBudget part_of(const EgressBudget& whole, std::uint64_t parts) {
  auto figures = figures_of(whole);
  for (auto& figure : figures) figure /= parts;
  return budget_of(figures);
}

// What one item of a job's list takes from one grant of the profile; or what the profile says of names under a wildcard
// that was asked for, which comes along with it.
struct Part {
  const EgressGrant* source;
  std::size_t item;
  EgressGrant grant;
  std::vector<std::size_t> under = {};  // items: the wildcards that it came along with; none if it was asked for
};

// Grants of the profile that decide about names under this one, which has this port, before it does.
std::vector<const EgressGrant*> exceptions_under(const EgressGrants& profile, const EgressGrant& grant,
                                                 std::uint16_t port) {
  std::vector<const EgressGrant*> out;
  if (!is_wildcard(grant.name)) return out;
  for (const auto& other : profile)
    if (other.name != grant.name && has_port(other, port) && covers_name(grant.name, other.name)) out.push_back(&other);
  return out;
}

bool has_exactly(const EgressGrants& grants, const std::string& name, std::uint16_t port) {
  return std::any_of(grants.begin(), grants.end(),
                     [&](const EgressGrant& grant) { return grant.name == name && has_port(grant, port); });
}

class Narrowing {
 public:
  Narrowing(const EgressGrants& profile, const Json& asked, std::string_view pointer)
      : profile_(profile), asked_(asked), pointer_(pointer) {}

  tl::expected<EgressGrants, FieldErrors> result() {
    for (std::size_t i = 0; i < asked_.size(); ++i) split(i);
    add_exceptions();
    if (errors_.empty()) give_budgets();
    EgressGrants grants;
    for (auto& part : parts_) grants.push_back(part.grant);
    if (errors_.empty()) refuse_faults(grants);
    if (!errors_.empty()) return tl::unexpected(std::move(errors_));
    return grants;
  }

 private:
  std::string pointer_of(std::size_t item) const { return pointer_to(pointer_, item); }

  void split(std::size_t item) {
    ObjectReader in(asked_[item], pointer_of(item), errors_);
    const auto before = errors_.size();
    const auto asked = read_egress_ask(in, errors_);
    if (errors_.size() > before) return;
    const auto ports = asked.ports.empty() ? ports_for(asked) : asked.ports;
    if (ports.empty()) return in.error(asked.name.empty() ? "cidr" : "name", "is not granted by this profile");
    for (const auto port : ports) take(in, item, asked, port);
  }

  std::vector<std::uint16_t> ports_for(const EgressGrant& asked) const {
    auto ports = ports_of(profile_);
    std::erase_if(ports, [&](auto port) { return deciding_grant(profile_, asked, port) == nullptr; });
    return ports;
  }

  void take(ObjectReader& in, std::size_t item, const EgressGrant& asked, std::uint16_t port) {
    const auto* source = deciding_grant(profile_, asked, port);
    if (source == nullptr)
      return in.error("ports", "port " + std::to_string(port) + " of it is not granted by this profile");
    if (in.find("mode") != nullptr && asked.mode != source->mode)
      return in.error("mode", "is another than the profile's, which is \"" +
                                  std::string(egress_modes[static_cast<std::size_t>(source->mode)]) + "\"");
    auto& part = asked_part(item, source);
    part.grant.name = asked.name, part.grant.network = asked.network;
    if (!is_wildcard(asked.name)) part.grant.allow_shared_suffix = false;
    part.grant.ports.push_back(port);
  }

  Part& asked_part(std::size_t item, const EgressGrant* source) {
    for (auto& part : parts_)
      if (part.item == item && part.source == source) return part;
    parts_.push_back({source, item, *source});
    parts_.back().grant.ports.clear();
    return parts_.back();
  }

  // Who asks for a wildcard asks for what the profile has under it, with what it says of names there.
  void add_exceptions() {
    std::vector<Part> exceptions;
    for (const auto& source : profile_) {
      Part exception{&source, 0, source};
      exception.grant.ports.clear();
      for (const auto port : source.ports) {
        const auto* asked = deciding_part(source, port);
        if (asked == nullptr) continue;
        exception.grant.ports.push_back(port);
        exception.under.push_back(asked->item);
      }
      if (exception.under.empty()) continue;
      exception.item = exception.under.front();
      exceptions.push_back(std::move(exception));
    }
    parts_.insert(parts_.end(), exceptions.begin(), exceptions.end());
  }

  // The wildcard that was asked for and would decide instead of `source`; nullptr: none, or that was asked for itself.
  const Part* deciding_part(const EgressGrant& source, std::uint16_t port) const {
    const Part* found = nullptr;
    for (const auto& part : parts_) {
      if (source.name.empty() || !has_port(part.grant, port) || !covers_name(part.grant.name, source.name)) continue;
      if (part.grant.name == source.name) return nullptr;
      if (found == nullptr || part.grant.name.size() > found->grant.name.size()) found = &part;
    }
    return found;
  }

  void give_budgets() {
    std::map<const EgressGrant*, std::uint64_t> parts;
    for (const auto& part : parts_) ++parts[part.source];
    for (auto& part : parts_) {
      part.grant.budget = part_of(part.source->budget, parts[part.source]);
      for (const auto item : part.under) lower(part, item);
      if (!part.under.empty()) continue;
      ObjectReader in(asked_[part.item], pointer_of(part.item), errors_);
      read_lower_budget(in, part.source->budget, part.grant.budget, errors_);
      read_earlier_end(in, *part.source, part.grant);
    }
  }

  // To what its wildcard is asked for with, where that is less.
  void lower(Part& part, std::size_t item) const {
    FieldErrors told_of_the_wildcard;
    ObjectReader in(asked_[item], pointer_of(item), told_of_the_wildcard);
    EgressGrant asked;
    asked.budget = part.grant.budget;
    read_lower_budget(in, max_egress_budget, asked.budget, told_of_the_wildcard);
    auto figures = figures_of(part.grant.budget);
    const auto others = figures_of(asked.budget);
    for (std::size_t i = 0; i < figures.size(); ++i) figures[i] = std::min(figures[i], others[i]);
    part.grant.budget = budget_of(figures);
    read_earlier_end(in, {}, asked);
    if (!never_expires(asked)) part.grant = ending_by({part.grant}, asked.expires).front();
  }

  void refuse_faults(const EgressGrants& grants) {
    if (const auto fault = fault_of(grants)) {
      const auto item = fault->grant < parts_.size() ? pointer_of(parts_[fault->grant].item) : pointer_;
      errors_.push_back({fault->key.empty() ? item : pointer_to(item, fault->key), fault->detail});
    } else if (!is_within(profile_, grants)) {
      errors_.push_back({pointer_, "asks for more than one grant of the profile has for all that comes from it"});
    }
  }

  const EgressGrants& profile_;
  const Json& asked_;
  std::string pointer_;
  FieldErrors errors_;
  std::vector<Part> parts_;
};

bool ends_in_time(const EgressGrant& source, const EgressGrant& grant) {
  return never_expires(source) || (!never_expires(grant) && grant.expires <= source.expires);
}

bool keeps_the_words(const EgressGrant& source, const EgressGrant& grant) {
  return grant.mode == source.mode && grant.accept_fronting == source.accept_fronting &&
         (source.allow_shared_suffix || !grant.allow_shared_suffix) && ends_in_time(source, grant);
}

// All ports of a grant must come from one grant of the profile, whose budget it takes from.
const EgressGrant* source_of(const EgressGrants& profile, const EgressGrant& grant) {
  const EgressGrant* source = nullptr;
  for (const auto port : grant.ports) {
    const auto* one = deciding_grant(profile, grant, port);
    if (one == nullptr || (source != nullptr && one != source)) return nullptr;
    source = one;
  }
  return source;
}

}  // namespace

const EgressGrant* deciding_grant(const EgressGrants& grants, std::string_view name, std::uint16_t port) {
  const EgressGrant* best = nullptr;
  for (const auto& grant : grants) {
    if (grant.name.empty() || !has_port(grant, port) || !covers_name(grant.name, name)) continue;
    if (grant.name == name) return &grant;
    if (best == nullptr || grant.name.size() > best->name.size()) best = &grant;
  }
  return best;
}

const EgressGrant* deciding_grant(const EgressGrants& grants, Ipv4Network network, std::uint16_t port) {
  const auto covers = [&](const EgressGrant& grant) {
    return grant.name.empty() && has_port(grant, port) && contains(grant.network, network);
  };
  const auto found = std::find_if(grants.begin(), grants.end(), covers);  // fault_of: no two overlap at a port
  return found == grants.end() ? nullptr : &*found;
}

tl::expected<EgressGrants, FieldErrors> narrow_egress(const EgressGrants& profile, const Json& asked,
                                                      std::string_view pointer) {
  const auto refused = [&](std::string detail) {
    return tl::unexpected(FieldErrors{{std::string(pointer), std::move(detail)}});
  };
  if (asked.is_null()) return EgressGrants{};
  if (!asked.is_array()) return refused("must be an array of grants");
  if (asked.size() > max_egress_grants) return refused("has more than 64 grants");
  return Narrowing(profile, asked, pointer).result();
}

EgressGrants ending_by(EgressGrants grants, std::chrono::sys_seconds end) {
  for (auto& grant : grants)
    if (never_expires(grant) || grant.expires > end) grant.expires = end;
  return grants;
}

bool is_within(const EgressGrants& profile, const EgressGrants& grants) {
  std::map<const EgressGrant*, Figures> taken;
  for (const auto& grant : grants) {
    const auto* source = source_of(profile, grant);
    if (source == nullptr || !keeps_the_words(*source, grant)) return false;
    for (const auto port : grant.ports)
      for (const auto* other : exceptions_under(profile, grant, port))
        if (!has_exactly(grants, other->name, port)) return false;
    auto& sum = taken[source];
    const auto more = figures_of(grant.budget), most = figures_of(source->budget);
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += more[i];  // at most 64 times 2^50
      if (sum[i] > most[i]) return false;
    }
  }
  return true;
}

}  // namespace cordon
