#include "sandbox/init_plan.hpp"

namespace cordon {

namespace {

constexpr std::uint32_t plan_version = 3;
constexpr std::size_t max_filter = std::size_t{8} * 4096;  // BPF_MAXINSNS instructions of 8 bytes (seccomp(2))
constexpr std::size_t max_text = 4096;
constexpr std::size_t max_strings = 256, max_string = std::size_t{128} * 1024;  // of an interpreter

bool is_program(std::string_view filter) {
  return !filter.empty() && filter.size() % 8 == 0;
}

void write(wire::Writer&, const UserNamespaceEntered&) {}
void write(wire::Writer&, const JobRead&) {}
void write(wire::Writer&, const InterpreterReady&) {}
void write(wire::Writer&, const DescriptorsLeft&) {}
void write(wire::Writer& w, const JobDeclined& m) {
  w.string(m.reason.substr(0, max_text));
}
void write(wire::Writer& w, const Probed& m) {
  w.u32(m.refused);
  w.u32(m.recorded);
  w.u32(static_cast<std::uint32_t>(m.facts.size()));
  for (const auto& [control, fact] : m.facts) {
    w.string(control);
    w.string(fact);
  }
}
void write(wire::Writer& w, const StepFailed& m) {
  w.string(m.step.substr(0, max_text));
  w.string(m.object.substr(0, max_text));
  w.i32(m.error);
  w.string(m.remedy.substr(0, max_text));
}
void write(wire::Writer& w, const ToolExecFailed& m) {
  w.string(m.step.substr(0, max_text));
  w.i32(m.error);
}
void write(wire::Writer& w, const ToolEnded& m) {
  w.i32(m.status);
}

InitMessage read_probed(wire::Reader& r) {
  Probed m;
  m.refused = r.u32();
  m.recorded = r.u32();
  const auto n = r.count(64, 8);
  for (std::uint32_t i = 0; i < n && r.good(); ++i) {
    std::string control(r.string(max_text));
    m.facts.emplace_back(std::move(control), r.string(max_text));
  }
  return m;
}

InitMessage read_step_failed(wire::Reader& r) {
  StepFailed m;
  m.step = r.string(max_text);
  m.object = r.string(max_text);
  m.error = r.i32();
  m.remedy = r.string(max_text);
  return m;
}

InitMessage read_exec_failed(wire::Reader& r) {
  ToolExecFailed m;
  m.step = r.string(max_text);
  m.error = r.i32();
  return m;
}

InitMessage read_message(wire::Reader& r) {
  switch (r.u8()) {
    case 0:
      return UserNamespaceEntered{};
    case 1:
      return read_probed(r);
    case 2:
      return JobRead{};
    case 3:
      return read_step_failed(r);
    case 4:
      return read_exec_failed(r);
    case 5:
      return ToolEnded{r.i32()};
    case 6:
      return InterpreterReady{};
    case 7:
      return JobDeclined{std::string(r.string(max_text))};
    case 8:
      return DescriptorsLeft{};
    default:
      r.bad();
      return UserNamespaceEntered{};
  }
}

}  // namespace

wire::Bytes encode(const InitPlan& plan) {
  wire::Writer w;
  w.u32(plan_version);
  w.u32(plan.init_uid);
  w.u32(plan.inside_uid);
  w.u32(static_cast<std::uint32_t>(plan.rlimits.size()));
  for (const auto& limit : plan.rlimits) {
    w.i32(limit.resource);
    w.u64(limit.value);
  }
  w.u64(plan.capabilities);
  w.u32(plan.landlock_min_abi);
  w.u8(plan.writable_image ? 1 : 0);
  w.string(plan.filter);
  w.string(plan.refusals);
  w.string(plan.init_filter);
  w.strings(plan.interpreter.argv);
  w.strings(plan.interpreter.env);
  return w.take();
}

std::optional<InitPlan> decode_init_plan(std::string_view bytes) {
  wire::Reader r(bytes);
  if (r.u32() != plan_version) return std::nullopt;
  InitPlan plan;
  plan.init_uid = r.u32();
  plan.inside_uid = r.u32();
  const auto limits = r.count(32, 12);
  for (std::uint32_t i = 0; i < limits && r.good(); ++i) {
    const auto resource = r.i32();
    plan.rlimits.push_back({resource, r.u64()});
  }
  plan.capabilities = r.u64();
  plan.landlock_min_abi = r.u32();
  plan.writable_image = r.u8() == 1;
  plan.filter = r.string(max_filter);
  plan.refusals = r.string(max_filter);
  plan.init_filter = r.string(max_filter);
  plan.interpreter.argv = r.strings(max_strings, max_string);
  plan.interpreter.env = r.strings(max_strings, max_string);
  const bool whole = is_program(plan.filter) && is_program(plan.refusals) && is_program(plan.init_filter);
  if (!r.finished() || !whole) return std::nullopt;
  return plan;
}

wire::Bytes encode(const InitMessage& message) {
  wire::Writer w;
  w.u8(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& m) { write(w, m); }, message);
  return w.take();
}

std::optional<InitMessage> decode_init_message(std::string_view bytes) {
  wire::Reader r(bytes);
  auto message = read_message(r);
  if (!r.finished()) return std::nullopt;
  return message;
}

}  // namespace cordon
