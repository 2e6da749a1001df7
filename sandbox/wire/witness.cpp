#include "sandbox/witness.hpp"

#include <algorithm>
#include <array>

namespace cordon::witness {

namespace {

constexpr std::uint32_t magic = 0x53544957;  // "WITS"
constexpr std::uint16_t version = 2;
enum class Kind : std::uint16_t { started = 1, ended = 2, written = 3 };

void write_header(wire::Writer& w, Kind kind) {
  w.u32(magic);
  w.u16(version);
  w.u16(static_cast<std::uint16_t>(kind));
}

bool read_header(wire::Reader& r, Kind kind) {
  return r.u32() == magic && r.u16() == version && r.u16() == static_cast<std::uint16_t>(kind);
}

bool is_word(std::string_view s) {
  return !s.empty() && s.size() <= 64 && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  });
}

void write_digest(wire::Writer& w, const Sha256& digest) {
  w.raw({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Sha256 read_digest(wire::Reader& r) {
  Sha256 digest{};
  const auto bytes = r.raw(digest.size());
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

void write_optional(wire::Writer& w, const std::optional<std::uint64_t>& value) {
  w.u8(value ? 1 : 0);
  w.u64(value.value_or(0));
}

std::optional<std::uint64_t> read_optional(wire::Reader& r) {
  const auto there = r.u8();
  const auto value = r.u64();
  if (there > 1 || (there == 0 && value != 0)) r.bad();  // one form
  return there == 1 ? std::optional(value) : std::nullopt;
}

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

std::uint32_t code_of(const Ending& ending) {
  return std::visit(Overloaded{[](const Exited& e) { return std::uint32_t{e.code}; },
                               [](const ExecFailed& e) { return std::uint32_t{e.code}; },
                               [](const Signalled& e) { return std::uint32_t{e.signal}; },
                               [](const TimedOut& e) { return static_cast<std::uint32_t>(e.limit); },
                               [](const SetupFailed& e) { return static_cast<std::uint32_t>(e.error); },
                               [](const auto&) { return std::uint32_t{0}; }},
                    ending);
}

}  // namespace

Ended ended(std::uint64_t run, std::string job, const Finished& finished) {
  return {run, std::move(job), static_cast<std::uint8_t>(finished.ending.index()), code_of(finished.ending),
          finished.usage};
}

std::string_view ending_name(std::uint8_t ending) {
  constexpr std::array<std::string_view, endings> names{"exited",        "exec_failed", "signalled",    "timed_out",
                                                        "out_of_memory", "hung_up",     "setup_failed", "vanished",
                                                        "stale",         "stopped",     "hanging",      "declined"};
  return ending < endings ? names[ending] : "unknown";
}

wire::Bytes encode(const Started& started) {
  wire::Writer w;
  write_header(w, Kind::started);
  w.u64(started.run);
  w.string(started.job);
  w.string(started.image);
  write_digest(w, started.profile);
  write_digest(w, started.filter);
  write_digest(w, started.image_file);
  for (const auto& field : limit_fields) w.u64(started.limits.*field.member);
  return w.take();
}

std::optional<Started> decode_started(std::string_view message) {
  wire::Reader r(message);
  if (!read_header(r, Kind::started)) return std::nullopt;
  Started started;
  started.run = r.u64();
  started.job = r.string(64);
  started.image = r.string(64);
  started.profile = read_digest(r);
  started.filter = read_digest(r);
  started.image_file = read_digest(r);
  for (const auto& field : limit_fields) started.limits.*field.member = r.u64();
  if (!r.finished() || !is_word(started.job) || !is_word(started.image)) return std::nullopt;
  return started;
}

wire::Bytes encode(const Ended& ended) {
  wire::Writer w;
  write_header(w, Kind::ended);
  w.u64(ended.run);
  w.string(ended.job);
  w.u8(ended.ending);
  w.u32(ended.code);
  w.u64(ended.usage.wall_us);
  w.u64(ended.usage.cpu_us);
  write_optional(w, ended.usage.memory_peak_bytes);
  write_optional(w, ended.usage.pids_peak);
  write_optional(w, ended.usage.scratch_files);
  write_optional(w, ended.usage.scratch_bytes);
  return w.take();
}

std::optional<Ended> decode_ended(std::string_view message) {
  wire::Reader r(message);
  if (!read_header(r, Kind::ended)) return std::nullopt;
  Ended ended;
  ended.run = r.u64();
  ended.job = r.string(64);
  ended.ending = r.u8();
  ended.code = r.u32();
  ended.usage.wall_us = r.u64();
  ended.usage.cpu_us = r.u64();
  ended.usage.memory_peak_bytes = read_optional(r);
  ended.usage.pids_peak = read_optional(r);
  ended.usage.scratch_files = read_optional(r);
  ended.usage.scratch_bytes = read_optional(r);
  if (!r.finished() || !is_word(ended.job) || ended.ending >= endings) return std::nullopt;
  return ended;
}

wire::Bytes encode_written(std::uint64_t run) {
  wire::Writer w;
  write_header(w, Kind::written);
  w.u64(run);
  return w.take();
}

std::optional<std::uint64_t> decode_written(std::string_view message) {
  wire::Reader r(message);
  if (!read_header(r, Kind::written)) return std::nullopt;
  const auto run = r.u64();
  return r.finished() ? std::optional(run) : std::nullopt;
}

}  // namespace cordon::witness
