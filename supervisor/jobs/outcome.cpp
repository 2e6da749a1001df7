#include "supervisor/jobs/outcome.hpp"

#include <csignal>
#include <cstring>

namespace cordon {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

Json error_json(const std::string& step, int error) {
  return {{"step", step}, {"errno", error}, {"errno_name", errno_name(error)}};
}

}  // namespace

Outcome of_hang_up(const HangUpReason& reason) {
  switch (reason.why) {
    case HangUp::cancelled:
      return Cancelled{};
    case HangUp::output_limit:
      return OutputLimit{};
    case HangUp::killed:
      return reason.killed;
    case HangUp::no:
      break;
  }
  return Lost{"the launcher saw the lifeline closed, but cordond did not close it"};
}

Outcome judge(const Ending& ending, const HangUpReason& reason) {
  const auto same = [](const auto& value) -> Outcome { return value; };
  // More was written than allowed: that is how it ended, even when the tool was quicker than the kill.
  const auto unless_flooded = [&](const auto& value) -> Outcome {
    if (reason.why == HangUp::output_limit) return OutputLimit{};
    return value;
  };
  return std::visit(
      Overloaded{[&](const Exited& e) { return unless_flooded(e); },
                 [&](const Signalled& e) { return unless_flooded(e); }, [&](const ExecFailed& e) { return same(e); },
                 [&](const TimedOut& e) { return same(e); }, [&](const OutOfMemory& e) { return same(e); },
                 [&](const SetupFailed& e) { return same(e); }, [&](const HungUp&) { return of_hang_up(reason); },
                 [](const Vanished& e) -> Outcome { return Lost{e.reason}; },
                 [&](const Stale&) { return of_hang_up(reason); },  // only what we end is not decided again
                 [](const Stopped& e) -> Outcome {
                   return Killed{"all", e.by, e.reason};
                 },
                 [&](const Declined& e) -> Outcome {
                   if (reason.why != HangUp::no) return of_hang_up(reason);
                   return SetupFailed{"use a prestarted interpreter", e.reason, 0, "the profile or the image is amiss"};
                 },
                 [](const Hanging&) -> Outcome {
                   return Lost{"a process of the job hangs in the kernel; its ids stay out of use"};
                 }},
      ending);
}

std::string log_text(const Outcome& outcome) {
  return to_json(outcome).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view kind(const Outcome& outcome) {
  constexpr std::string_view kinds[] = {"exited",        "exited",       "signalled",    "timed_out",
                                        "out_of_memory", "output_limit", "cancelled",    "killed",
                                        "denied",        "lost",         "setup_failed", "invalid_output"};
  static_assert(std::size(kinds) == std::variant_size_v<Outcome>);
  return kinds[outcome.index()];
}

Json to_json(const Outcome& outcome) {
  Json out = {{"kind", kind(outcome)}};
  std::visit(Overloaded{[&](const Exited& e) { out["code"] = e.code; },
                        [&](const ExecFailed& e) {
                          out["code"] = e.code;
                          out["error"] = error_json(e.step, e.error);
                        },
                        [&](const Signalled& e) {
                          out["signal"] = e.signal;
                          out["name"] = signal_name(e.signal);
                        },
                        [&](const TimedOut& e) { out["limit"] = e.limit == TimeLimit::wall ? "wall" : "cpu"; },
                        [](const OutOfMemory&) {}, [](const OutputLimit&) {}, [](const Cancelled&) {},
                        [&](const Killed& e) {
                          out["scope"] = e.scope;
                          out["by"] = e.by;
                          out["reason"] = e.reason;
                        },
                        [&](const Denied& e) {
                          out["by"] = e.by;
                          out["reason"] = e.reason;
                        },
                        [&](const Lost& e) {
                          out["reason"] = e.reason;
                          if (e.ambiguous) out["ambiguous"] = true;
                        },
                        [&](const InvalidOutput& e) {
                          out["errors"] = Json::array();
                          for (const auto& fault : e.errors)
                            out["errors"].push_back({{"pointer", fault.pointer}, {"detail", fault.detail}});
                        },
                        [&](const SetupFailed& e) {
                          out["step"] = e.step;
                          out["object"] = e.object;
                          out["errno"] = e.error;
                          out["errno_name"] = errno_name(e.error);
                          out["remedy"] = e.remedy;
                        }},
             outcome);
  return out;
}

std::string signal_name(int signal) {
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) return "SIGRTMIN+" + std::to_string(signal - SIGRTMIN);
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : std::string("SIG") + name;
}

std::string errno_name(int error) {
  const char* name = error == 0 ? nullptr : strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

}  // namespace cordon
