#include "sandbox/job_spec.hpp"

#include <algorithm>

#include "profiles/egress_wire.hpp"
#include "profiles/profile.hpp"
#include "sandbox/wire/header.hpp"

namespace cordon {

namespace {

bool is_id(std::string_view s) {
  return !s.empty() && s.size() <= 64 && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
  });
}

bool is_image_name(std::string_view s) {
  return !s.empty() && s.size() <= 64 && s[0] != '.' && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  });
}

bool is_prestart(std::string_view s) {
  return s.empty() || std::find(prestart_names.begin(), prestart_names.end(), s) != prestart_names.end();
}

bool in_range(const Limits& limits) {
  const bool each = std::all_of(limit_fields.begin(), limit_fields.end(), [&](const LimitField& f) {
    return limits.*f.member >= f.min && limits.*f.member <= f.max;
  });
  return each && scratch_fits(limits);
}

}  // namespace

wire::Bytes encode(const Preparation& preparation) {
  wire::Writer w;
  write_header(w, wire::Kind::prepare);
  w.raw({reinterpret_cast<const char*>(preparation.profile.data()), preparation.profile.size()});
  w.string(preparation.image);
  w.string(preparation.prestart);
  return w.take();
}

std::optional<Preparation> decode_preparation(std::string_view message) {
  wire::Reader r(message);
  if (read_header(r) != static_cast<std::uint16_t>(wire::Kind::prepare)) return std::nullopt;
  Preparation preparation;
  const auto digest = r.raw(preparation.profile.size());
  std::copy(digest.begin(), digest.end(), preparation.profile.begin());
  preparation.image = r.string(64);
  preparation.prestart = r.string(64);
  if (!r.finished() || !is_image_name(preparation.image) || !is_prestart(preparation.prestart)) return std::nullopt;
  return preparation;
}

wire::Bytes encode(const JobSpec& spec) {
  wire::Writer w;
  write_header(w, wire::Kind::job);
  w.string(spec.id);
  for (const auto& field : limit_fields) w.u64(spec.limits.*field.member);
  w.u64(spec.generation);
  wire::write_egress(w, spec.egress);
  w.u8(spec.survey);
  wire::write_owner(w, spec.owner);
  return w.take();
}

std::optional<JobSpec> decode_job_spec(std::string_view message) {
  wire::Reader r(message);
  if (read_header(r) != static_cast<std::uint16_t>(wire::Kind::job)) return std::nullopt;
  JobSpec spec;
  spec.id = r.string(64);
  for (const auto& field : limit_fields) spec.limits.*field.member = r.u64();
  spec.generation = r.u64();
  spec.egress = wire::read_egress(r);
  const auto survey = r.u8();
  spec.survey = survey == 1;
  spec.owner = wire::read_owner(r);
  if (!r.finished() || !is_id(spec.id) || !in_range(spec.limits)) return std::nullopt;
  if (spec.generation == 0 || survey > 1) return std::nullopt;
  return spec;
}

wire::Bytes encode_hello() {
  wire::Writer w;
  write_header(w, wire::Kind::hello);
  return w.take();
}

bool is_hello(std::string_view message) {
  wire::Reader r(message);
  return read_header(r) == static_cast<std::uint16_t>(wire::Kind::hello) && r.finished();
}

}  // namespace cordon
