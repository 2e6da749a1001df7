#include "profiles/flow_record.hpp"

#include <algorithm>
#include <array>

#include "profiles/name.hpp"

namespace cordon {

namespace {

using wire::Reader;
using wire::Writer;

constexpr std::uint32_t magic = 0x524e4443;  // "CDNR"
constexpr std::uint16_t version = 4;
constexpr std::size_t most_answers = 32, most_method = 32, most_path = 1024, most_name = 255;

enum class Kind : std::uint16_t {
  decided = 1,
  closed,
  denied_again,
  query_denied,
  job_closed,
  figures,
  ledger_lost,
  to_write,
  revoked,
  moved,
  written = 32,
  ask,
  revoke,
  ledger_comes
};

constexpr std::array<const char*, flow_reasons> reason_names{
    "none",
    "no_grant",
    "port_not_granted",
    "grant_expired",
    "grant_revoked",
    "not_tls",
    "bad_client_hello",
    "no_server_name",
    "server_name_differs",
    "encrypted_client_hello",
    "bad_request",
    "host_differs",
    "method_refused",
    "upgrade_refused",
    "head_too_large",
    "head_too_slow",
    "too_many_connections",
    "too_many_connections_per_second",
    "too_many_queries",
    "too_many_names",
    "no_evidence",
    "name_not_found",
    "resolver_failed",
    "address_denied",
    "connect_failed",
    "bytes_up_spent",
    "bytes_down_spent",
    "idle",
    "reset_by_tool",
    "reset_by_peer",
    "job_ended",
    "overloaded",
    "no_wall",
};

void write_header(Writer& w, Kind kind) {
  w.u32(magic);
  w.u16(version);
  w.u16(static_cast<std::uint16_t>(kind));
}

std::uint16_t read_header(Reader& r) {
  if (r.u32() != magic || r.u16() != version) return r.bad(), std::uint16_t{0};
  return r.u16();
}

void write_address(Writer& w, const IpAddress& address) {
  const auto& octets = address.octets();
  w.u8(address.is_v6() ? 6 : 4);
  w.raw({reinterpret_cast<const char*>(octets.data()), address.bits() / 8});
}

IpAddress read_address(Reader& r) {
  const auto family = r.u8();
  if (family != 4 && family != 6) return r.bad(), IpAddress{};
  IpAddress::Octets octets{};
  const auto bytes = r.raw(family == 6 ? 16 : 4);
  std::copy(bytes.begin(), bytes.end(), octets.begin());
  if (family == 6) return IpAddress(octets);
  return IpAddress(std::uint32_t{octets[0]} << 24 | std::uint32_t{octets[1]} << 16 | std::uint32_t{octets[2]} << 8 |
                   octets[3]);
}

std::string read_job(Reader& r) {
  std::string job(r.string(64));
  if (!is_name(job)) r.bad();
  return job;
}

void write_jobs(Writer& w, const std::vector<std::string>& jobs) {
  w.u16(static_cast<std::uint16_t>(jobs.size()));
  for (const auto& job : jobs) w.string(job);
}

std::vector<std::string> read_jobs(Reader& r) {
  std::vector<std::string> jobs;
  const auto count = r.u16();
  if (count == 0 || count > max_jobs_revoked) return r.bad(), jobs;
  for (std::size_t i = 0; i < count; ++i) jobs.push_back(read_job(r));
  return jobs;
}

RevokeEgress read_revocation(Reader& r) {
  RevokeEgress revoke;
  revoke.why = static_cast<FlowReason>(r.u8());
  if (revoke.why != FlowReason::grant_revoked && revoke.why != FlowReason::job_ended) r.bad();
  revoke.jobs = read_jobs(r);
  return revoke;
}

FlowReason read_reason(Reader& r) {
  const auto reason = r.u8();
  if (reason >= flow_reasons) return r.bad(), FlowReason::none;
  return static_cast<FlowReason>(reason);
}

void put_decided(Writer& w, const FlowDecided& d) {
  w.u64(d.sequence);
  w.string(d.job);
  w.u64(d.generation);
  w.u64(d.flow);
  w.u64(static_cast<std::uint64_t>(d.unix_ms));
  w.string(d.name);
  w.u16(d.port);
  w.u8(static_cast<std::uint8_t>(d.mode));
  w.string(d.server_name);
  w.string(d.method);
  w.string(d.host);
  w.string(d.path);
  w.u8(static_cast<std::uint8_t>(d.reason));
  w.u8(d.grant);
}

void put(Writer& w, const FlowDecided& d) {
  write_header(w, Kind::decided);
  put_decided(w, d);
}

FlowDecided take_decided(Reader& r) {
  FlowDecided d;
  d.sequence = r.u64();
  d.job = read_job(r);
  d.generation = r.u64();
  d.flow = r.u64();
  d.unix_ms = static_cast<std::int64_t>(r.u64());
  d.name = r.string(most_name);
  d.port = r.u16();
  const auto mode = r.u8();
  if (mode >= egress_modes.size()) r.bad();
  d.mode = static_cast<EgressMode>(mode);
  d.server_name = r.string(most_name);
  d.method = r.string(most_method);
  d.host = r.string(most_name);
  d.path = r.string(most_path);
  d.reason = read_reason(r);
  d.grant = r.u8();
  return d;
}

void put(Writer& w, const FlowClosed& c) {
  write_header(w, Kind::closed);
  w.string(c.job);
  w.u64(c.flow);
  w.u64(static_cast<std::uint64_t>(c.unix_ms));
  w.u32(static_cast<std::uint32_t>(c.answers.size()));
  for (const auto& answer : c.answers) write_address(w, answer);
  w.u8(c.dialled ? 1 : 0);
  if (c.dialled) write_address(w, *c.dialled);
  w.u64(c.bytes_up);
  w.u64(c.bytes_down);
  w.u64(c.duration_us);
  w.u8(static_cast<std::uint8_t>(c.reason));
}

FlowClosed take_closed(Reader& r) {
  FlowClosed c;
  c.job = read_job(r);
  c.flow = r.u64();
  c.unix_ms = static_cast<std::int64_t>(r.u64());
  const auto answers = r.count(most_answers, 5);
  for (std::uint32_t i = 0; i < answers && r.good(); ++i) c.answers.push_back(read_address(r));
  const auto dialled = r.u8();
  if (dialled > 1) r.bad();
  if (dialled == 1) c.dialled = read_address(r);
  c.bytes_up = r.u64();
  c.bytes_down = r.u64();
  c.duration_us = r.u64();
  c.reason = read_reason(r);
  return c;
}

void put(Writer& w, const DeniedAgain& d) {
  write_header(w, Kind::denied_again);
  w.string(d.job);
  w.string(d.name);
  w.u16(d.port);
  w.u8(static_cast<std::uint8_t>(d.reason));
  w.u64(d.times);
}

DeniedAgain take_denied_again(Reader& r) {
  DeniedAgain d;
  d.job = read_job(r);
  d.name = r.string(most_name);
  d.port = r.u16();
  d.reason = read_reason(r);
  d.times = r.u64();
  return d;
}

void put(Writer& w, const QueryDenied& d) {
  write_header(w, Kind::query_denied);
  w.string(d.job);
  w.string(d.name);
  w.u16(d.type);
  w.u8(static_cast<std::uint8_t>(d.reason));
  w.u64(d.times);
}

QueryDenied take_query_denied(Reader& r) {
  QueryDenied d;
  d.job = read_job(r);
  d.name = r.string(most_name);
  d.type = r.u16();
  d.reason = read_reason(r);
  d.times = r.u64();
  return d;
}

void put(Writer& w, const JobClosed& c) {
  write_header(w, Kind::job_closed);
  w.string(c.job);
  for (const auto n : {c.flows_allowed, c.flows_denied, c.bytes_up, c.bytes_down, c.queries_answered, c.queries_denied})
    w.u64(n);
}

JobClosed take_job_closed(Reader& r) {
  JobClosed c;
  c.job = read_job(r);
  for (auto* n :
       {&c.flows_allowed, &c.flows_denied, &c.bytes_up, &c.bytes_down, &c.queries_answered, &c.queries_denied})
    *n = r.u64();
  return c;
}

void put(Writer& w, const EgressFigures& f) {
  write_header(w, Kind::figures);
  for (const auto n : {f.jobs, f.flows, f.waiting_for_evidence, f.flows_allowed, f.flows_denied, f.bytes_up,
                       f.bytes_down, f.queries_answered, f.queries_denied, f.upstream_queries, f.jobs_refused})
    w.u64(n);
  for (std::size_t i = 0; i < flow_reasons; ++i) w.u64(i < f.by_reason.size() ? f.by_reason[i] : 0);
}

EgressFigures take_figures(Reader& r) {
  EgressFigures f;
  for (auto* n : {&f.jobs, &f.flows, &f.waiting_for_evidence, &f.flows_allowed, &f.flows_denied, &f.bytes_up,
                  &f.bytes_down, &f.queries_answered, &f.queries_denied, &f.upstream_queries, &f.jobs_refused})
    *n = r.u64();
  for (auto& n : f.by_reason) n = r.u64();
  return f;
}

void put(Writer& w, const LedgerLost&) {
  write_header(w, Kind::ledger_lost);
}

void put(Writer& w, const Revoked& revoked) {
  write_header(w, Kind::revoked);
  write_jobs(w, revoked.jobs);
}

void put(Writer& w, const FlowMoved& m) {
  write_header(w, Kind::moved);
  w.string(m.job);
  w.u64(m.flow);
  w.u64(m.bytes_up);
  w.u64(m.bytes_down);
}

FlowMoved take_moved(Reader& r) {
  FlowMoved m;
  m.job = read_job(r);
  m.flow = r.u64();
  m.bytes_up = r.u64();
  m.bytes_down = r.u64();
  return m;
}

std::optional<FlowRecord> take_record(Reader& r) {
  switch (static_cast<Kind>(read_header(r))) {
    case Kind::decided:
      return take_decided(r);
    case Kind::closed:
      return take_closed(r);
    case Kind::denied_again:
      return take_denied_again(r);
    case Kind::query_denied:
      return take_query_denied(r);
    case Kind::job_closed:
      return take_job_closed(r);
    case Kind::figures:
      return take_figures(r);
    case Kind::ledger_lost:
      return LedgerLost{};
    case Kind::revoked:
      return Revoked{read_jobs(r)};
    case Kind::moved:
      return take_moved(r);
    default:
      return std::nullopt;
  }
}

}  // namespace

const char* to_string(FlowReason reason) {
  return reason_names.at(static_cast<std::size_t>(reason));
}

wire::Bytes encode(const FlowRecord& record) {
  Writer w;
  std::visit([&w](const auto& r) { put(w, r); }, record);
  return w.take();
}

std::optional<FlowRecord> decode_flow_record(std::string_view bytes) {
  if (bytes.size() > max_flow_record) return std::nullopt;
  Reader r(bytes);
  auto record = take_record(r);
  if (!r.finished()) return std::nullopt;
  return record;
}

wire::Bytes encode(const FlowToWrite& flow) {
  Writer w;
  write_header(w, Kind::to_write);
  wire::write_owner(w, flow.owner);
  put_decided(w, flow.decided);
  return w.take();
}

std::optional<FlowToWrite> decode_flow_to_write(std::string_view bytes) {
  if (bytes.size() > max_flow_record) return std::nullopt;
  Reader r(bytes);
  if (static_cast<Kind>(read_header(r)) != Kind::to_write) return std::nullopt;
  FlowToWrite flow;
  flow.owner = wire::read_owner(r);
  flow.decided = take_decided(r);
  if (!r.finished() || !flow.decided.allowed() || flow.decided.sequence == 0) return std::nullopt;
  return flow;
}

wire::Bytes encode(const WatcherMessage& message) {
  Writer w;
  if (const auto* written = std::get_if<EvidenceWritten>(&message)) {
    write_header(w, Kind::written);
    w.u64(written->sequence);
    w.u8(written->written ? 1 : 0);
  } else if (const auto* revoke = std::get_if<RevokeEgress>(&message)) {
    write_header(w, Kind::revoke);
    w.u8(static_cast<std::uint8_t>(revoke->why));
    write_jobs(w, revoke->jobs);
  } else {
    write_header(w, std::holds_alternative<LedgerComes>(message) ? Kind::ledger_comes : Kind::ask);
  }
  return w.take();
}

std::optional<WatcherMessage> decode_watcher_message(std::string_view bytes) {
  if (bytes.size() > max_watcher_message) return std::nullopt;
  Reader r(bytes);
  const auto kind = static_cast<Kind>(read_header(r));
  WatcherMessage message = AskFigures{};
  if (kind == Kind::written) {
    const auto sequence = r.u64();
    const auto written = r.u8();
    if (written > 1) r.bad();
    message = EvidenceWritten{sequence, written == 1};
  } else if (kind == Kind::revoke) {
    message = read_revocation(r);
  } else if (kind == Kind::ledger_comes) {
    message = LedgerComes{};
  } else if (kind != Kind::ask) {
    return std::nullopt;
  }
  if (!r.finished()) return std::nullopt;
  return message;
}

}  // namespace cordon
