#include "sandbox/report.hpp"

#include <algorithm>

#include "sandbox/wire/header.hpp"

namespace cordon {

namespace {

using wire::Kind;
using wire::Reader;
using wire::Writer;

constexpr std::size_t max_text = 8192;
constexpr std::size_t max_entries = 512;

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

void write(Writer& w, const Sha256& digest) {
  w.raw({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Sha256 read_digest(Reader& r) {
  Sha256 digest{};
  const auto bytes = r.raw(digest.size());
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

void write(Writer& w, const std::optional<std::uint64_t>& number) {
  w.u8(number ? 1 : 0);
  w.u64(number.value_or(0));
}

std::optional<std::uint64_t> read_optional(Reader& r) {
  const auto present = r.u8();
  const auto value = r.u64();
  if (present > 1 || (present == 0 && value != 0)) r.bad();
  if (present == 0) return std::nullopt;
  return value;
}

void write(Writer& w, const Facts& facts) {
  w.u32(static_cast<std::uint32_t>(facts.size()));
  for (const auto& [control, fact] : facts) {
    w.string(control);
    w.string(fact);
  }
}

Facts read_facts(Reader& r) {
  Facts facts;
  const auto n = r.count(max_entries, 8);
  for (std::uint32_t i = 0; i < n && r.good(); ++i) {
    std::string control(r.string(max_text));
    facts.emplace_back(std::move(control), r.string(max_text));
  }
  return facts;
}

void write(Writer& w, const Ending& ending) {
  w.u8(static_cast<std::uint8_t>(ending.index()));
  std::visit(Overloaded{[&](const Exited& e) { w.u8(e.code); },
                        [&](const ExecFailed& e) {
                          w.u8(e.code);
                          w.string(e.step);
                          w.i32(e.error);
                        },
                        [&](const Signalled& e) { w.u8(e.signal); },
                        [&](const TimedOut& e) { w.u8(static_cast<std::uint8_t>(e.limit)); }, [](const OutOfMemory&) {},
                        [](const HungUp&) {},
                        [&](const SetupFailed& e) {
                          w.string(e.step);
                          w.string(e.object);
                          w.i32(e.error);
                          w.string(e.remedy);
                        },
                        [&](const Vanished& e) { w.string(e.reason); }, [](const Stale&) {},
                        [&](const Stopped& e) {
                          w.string(e.by);
                          w.string(e.reason);
                        },
                        [](const Hanging&) {}, [&](const Declined& e) { w.string(e.reason); }},
             ending);
}

Ending read_exec_failed(Reader& r) {
  ExecFailed e;
  e.code = r.u8();
  e.step = r.string(max_text);
  e.error = r.i32();
  return e;
}

Ending read_setup_failed(Reader& r) {
  SetupFailed e;
  e.step = r.string(max_text);
  e.object = r.string(max_text);
  e.error = r.i32();
  e.remedy = r.string(max_text);
  return e;
}

Ending read_stopped(Reader& r) {
  Stopped e;
  e.by = r.string(max_text);
  e.reason = r.string(max_text);
  return e;
}

Ending read_timed_out(Reader& r) {
  const auto limit = r.u8();
  if (limit > 1) r.bad();
  return TimedOut{static_cast<TimeLimit>(limit & 1)};
}

Ending read_ending(Reader& r) {
  switch (r.u8()) {
    case 0:
      return Exited{r.u8()};
    case 1:
      return read_exec_failed(r);
    case 2:
      return Signalled{r.u8()};
    case 3:
      return read_timed_out(r);
    case 4:
      return OutOfMemory{};
    case 5:
      return HungUp{};
    case 6:
      return read_setup_failed(r);
    case 7:
      return Vanished{std::string(r.string(max_text))};
    case 8:
      return Stale{};
    case 9:
      return read_stopped(r);
    case 10:
      return Hanging{};
    case 11:
      return Declined{std::string(r.string(max_text))};
    default:
      r.bad();
      return HungUp{};
  }
}

void write(Writer& w, const Prepared& m) {
  write(w, m.enforced);
  write(w, m.filter);
}

Prepared read_prepared(Reader& r) {
  Prepared m;
  m.enforced = read_facts(r);
  m.filter = read_digest(r);
  return m;
}

void write(Writer& w, const Started& m) {
  write(w, m.enforced);
}

void write(Writer& w, const Finished& m) {
  write(w, m.ending);
  w.u64(m.usage.wall_us);
  w.u64(m.usage.cpu_us);
  write(w, m.usage.memory_peak_bytes);
  write(w, m.usage.pids_peak);
  write(w, m.usage.scratch_files);
  write(w, m.usage.scratch_bytes);
  w.u32(static_cast<std::uint32_t>(m.denials.size()));
  for (const auto& d : m.denials) {
    w.string(d.control);
    write(w, d.count);
    w.string(d.detail);
  }
  w.u32(static_cast<std::uint32_t>(m.timings_us.size()));
  for (const auto& [phase, us] : m.timings_us) {
    w.string(phase);
    w.u64(us);
  }
}

Finished read_finished(Reader& r) {
  Finished m;
  m.ending = read_ending(r);
  m.usage.wall_us = r.u64();
  m.usage.cpu_us = r.u64();
  m.usage.memory_peak_bytes = read_optional(r);
  m.usage.pids_peak = read_optional(r);
  m.usage.scratch_files = read_optional(r);
  m.usage.scratch_bytes = read_optional(r);
  const auto denials = r.count(max_entries, 17);
  for (std::uint32_t i = 0; i < denials && r.good(); ++i) {
    Denial d;
    d.control = r.string(max_text);
    d.count = read_optional(r);
    d.detail = r.string(max_text);
    m.denials.push_back(std::move(d));
  }
  const auto timings = r.count(max_entries, 12);
  for (std::uint32_t i = 0; i < timings && r.good(); ++i) {
    std::string phase(r.string(max_text));
    m.timings_us.emplace_back(std::move(phase), r.u64());
  }
  return m;
}

void write(Writer& w, const Ready& m) {
  w.string(m.version);
  write(w, m.host);
  w.strings(m.images);
  w.u32(static_cast<std::uint32_t>(m.profiles.size()));
  for (const auto& [name, digest] : m.profiles) {
    w.string(name);
    write(w, digest);
  }
}

Ready read_ready(Reader& r) {
  Ready m;
  m.version = r.string(max_text);
  m.host = read_facts(r);
  m.images = r.strings(max_entries, max_text);
  const auto profiles = r.count(max_entries, 36);
  for (std::uint32_t i = 0; i < profiles && r.good(); ++i) {
    std::string name(r.string(max_text));
    m.profiles.emplace_back(std::move(name), read_digest(r));
  }
  return m;
}

Kind kind_of(const LauncherMessage& message) {
  constexpr Kind kinds[] = {Kind::prepared, Kind::started, Kind::finished, Kind::ready};
  return kinds[message.index()];
}

}  // namespace

wire::Bytes encode(const LauncherMessage& message) {
  Writer w;
  write_header(w, kind_of(message));
  std::visit([&](const auto& m) { write(w, m); }, message);
  return w.take();
}

std::optional<LauncherMessage> decode_launcher_message(std::string_view bytes) {
  Reader r(bytes);
  LauncherMessage message;
  switch (static_cast<Kind>(read_header(r))) {
    case Kind::prepared:
      message = read_prepared(r);
      break;
    case Kind::started:
      message = Started{read_facts(r)};
      break;
    case Kind::finished:
      message = read_finished(r);
      break;
    case Kind::ready:
      message = read_ready(r);
      break;
    default:
      return std::nullopt;
  }
  if (!r.finished()) return std::nullopt;
  return message;
}

}  // namespace cordon
