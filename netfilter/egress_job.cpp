#include "netfilter/egress_job.hpp"

#include <algorithm>
#include <set>

#include "profiles/egress_wire.hpp"
#include "profiles/host_name.hpp"
#include "profiles/name.hpp"

namespace cordon {

namespace {

using wire::Reader;
using wire::Writer;

constexpr std::uint32_t magic = 0x474e4443;  // "CDNG"
constexpr std::uint16_t version = 1;
constexpr std::uint16_t job_kind = 1, answer_kind = 2;

void write_header(Writer& w, std::uint16_t kind) {
  w.u32(magic);
  w.u16(version);
  w.u16(kind);
}

bool read_header(Reader& r, std::uint16_t kind) {
  if (r.u32() != magic || r.u16() != version || r.u16() != kind) r.bad();
  return r.good();
}

bool read_bool(Reader& r) {
  const auto value = r.u8();
  if (value > 1) r.bad();
  return value == 1;
}

void write_limits(Writer& w, const EgressLimits& limits) {
  w.u64(limits.max_bytes_up);
  w.u64(limits.max_bytes_down);
  for (const auto n :
       {limits.max_connections, limits.connections_per_second, limits.queries_per_second, limits.max_wildcard_names,
        limits.max_head_bytes, limits.head_ms, limits.connect_ms, limits.idle_ms})
    w.u32(n);
}

EgressLimits read_limits(Reader& r) {
  EgressLimits limits;
  limits.max_bytes_up = r.u64();
  limits.max_bytes_down = r.u64();
  for (auto* n :
       {&limits.max_connections, &limits.connections_per_second, &limits.queries_per_second, &limits.max_wildcard_names,
        &limits.max_head_bytes, &limits.head_ms, &limits.connect_ms, &limits.idle_ms})
    *n = r.u32();
  return limits;
}

bool are_limits(const EgressLimits& l) {
  const bool positive = l.max_bytes_up > 0 && l.max_bytes_down > 0 && l.max_connections > 0 &&
                        l.connections_per_second > 0 && l.queries_per_second > 0 && l.head_ms > 0 && l.connect_ms > 0 &&
                        l.idle_ms > 0;
  return positive && l.max_bytes_up <= max_egress_bytes && l.max_bytes_down <= max_egress_bytes &&
         l.max_connections <= max_egress_connections && l.max_wildcard_names >= 1 &&
         l.max_wildcard_names <= max_wildcard_names && l.max_head_bytes >= 1 << 10 && l.max_head_bytes <= 64 << 10;
}

// The exact names of the grants, each once, ascending.
std::vector<std::string> exact_names(const EgressGrants& grants) {
  std::set<std::string> names;
  for (const auto& grant : grants)
    if (!grant.name.empty() && !is_wildcard(grant.name)) names.insert(grant.name);
  return {names.begin(), names.end()};
}

// A whole block, or one address.
bool is_synthetic(Ipv4 first, std::uint32_t count) {
  return contains(synthetic_network, first) && contains(synthetic_network, first + (count - 1)) &&
         first + (count - 1) >= first;
}

bool are_synthetic_addresses_sound(const EgressJob& job) {
  std::set<Ipv4> taken{job.resolver};
  if (!is_synthetic(job.resolver, 1)) return false;
  for (const auto& name : job.names)
    if (!is_synthetic(name.address, 1) || !taken.insert(name.address).second) return false;
  if (!is_synthetic(job.first_wildcard, job.limits.max_wildcard_names)) return false;
  const auto inside = taken.lower_bound(job.first_wildcard);
  return inside == taken.end() || *inside - job.first_wildcard >= job.limits.max_wildcard_names;
}

bool name_each_exact_name_once(const EgressJob& job) {
  const auto names = exact_names(job.grants);
  return std::equal(names.begin(), names.end(), job.names.begin(), job.names.end(),
                    [](const std::string& name, const SyntheticName& synthetic) { return name == synthetic.name; });
}

bool is_sound(const EgressJob& job) {
  return is_name(job.id) && !job.grants.empty() && are_limits(job.limits) && name_each_exact_name_once(job) &&
         are_synthetic_addresses_sound(job);
}

}  // namespace

wire::Bytes encode(const EgressJob& job) {
  Writer w;
  write_header(w, job_kind);
  w.string(job.id);
  w.u64(job.generation);
  wire::write_egress(w, job.grants);
  w.u8(job.private_egress ? 1 : 0);
  write_limits(w, job.limits);
  w.u32(job.resolver);
  w.u32(static_cast<std::uint32_t>(job.names.size()));
  for (const auto& name : job.names) {
    w.string(name.name);
    w.u32(name.address);
  }
  w.u32(job.first_wildcard);
  wire::write_owner(w, job.owner);
  return w.take();
}

std::optional<EgressJob> decode_egress_job(std::string_view bytes) {
  if (bytes.size() > max_egress_message) return std::nullopt;
  Reader r(bytes);
  EgressJob job;
  if (!read_header(r, job_kind)) return std::nullopt;
  job.id = r.string(64);
  job.generation = r.u64();
  job.grants = wire::read_egress(r);
  job.private_egress = read_bool(r);
  job.limits = read_limits(r);
  job.resolver = r.u32();
  const auto names = r.count(max_egress_grants, 8);
  for (std::uint32_t i = 0; i < names && r.good(); ++i) {
    auto& name = job.names.emplace_back();
    name.name = r.string(max_host_name);
    name.address = r.u32();
  }
  job.first_wildcard = r.u32();
  job.owner = wire::read_owner(r);
  if (!r.finished() || !is_sound(job)) return std::nullopt;
  return job;
}

void assign_synthetic_addresses(EgressJob& job) {
  auto next = job.resolver + 1;
  job.names.clear();
  for (auto& name : exact_names(job.grants)) job.names.push_back({std::move(name), next++});
  job.first_wildcard = next;
}

const char* to_string(EgressRefusal refusal) {
  switch (refusal) {
    case EgressRefusal::none:
      return "served";
    case EgressRefusal::malformed:
      return "the message was malformed";
    case EgressRefusal::descriptors:
      return "a descriptor was not the socket it should be";
    case EgressRefusal::no_room:
      return "there was no room for another job";
    case EgressRefusal::duplicate:
      return "a job of this id is served already";
    case EgressRefusal::no_evidence:
      return "cordond is not connected";
  }
  return "";
}

wire::Bytes encode(const EgressAnswer& answer) {
  Writer w;
  write_header(w, answer_kind);
  w.u8(static_cast<std::uint8_t>(answer.refusal));
  return w.take();
}

std::optional<EgressAnswer> decode_egress_answer(std::string_view bytes) {
  Reader r(bytes);
  if (!read_header(r, answer_kind)) return std::nullopt;
  const auto refusal = r.u8();
  if (!r.finished() || refusal > static_cast<std::uint8_t>(EgressRefusal::no_evidence)) return std::nullopt;
  return EgressAnswer{static_cast<EgressRefusal>(refusal)};
}

}  // namespace cordon
