#include "tests/faults/verdict.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

namespace cordon::test {
namespace {

bool differs_by_launch(const std::string& control) {
  return control == "init.uid" || control == "init.gid" || control == "uid" || control == "gid" ||
         control == "uid_map" || control == "gid_map" || control.starts_with("namespace.");
}

// Empty when the controls and their values are those of a launch without a fault.
std::string difference(const Json& enforced, const Json& clean) {
  for (const auto& [control, value] : clean.items()) {
    if (!enforced.contains(control)) return "lost the control " + control;
    if (!differs_by_launch(control) && enforced.at(control) != value)
      return control + " is " + enforced.at(control).dump() + ", not " + value.dump();
  }
  return enforced.size() == clean.size() ? "" : "has controls of its own";
}

// Of a failure that only its consequence can tell of.
bool is_consequence(const Fault& fault, const Json& outcome) {
  const auto error = outcome.at("errno").get<int>();
  if (fault.how == How::pretended || fault.how == How::shortened) return true;  // no error was given to anybody
  if (fault.how == How::lasting && error == ECHILD) return true;                // it could not even say so
  // The call was itself to read a right back, or to find out what there is to give up, or to be refused and counted.
  const auto step = outcome.at("step").get<std::string>();
  if ((step == "read back" || step == "self-probe") && error == ENOTRECOVERABLE) return true;
  // The C library ends a program that it cannot start, before anything of ours could speak.
  return error == ECHILD && fault.call.role == "init" && fault.call.name == "mprotect";
}

Verdict judge_refusal(const Fault& fault, const Json& outcome) {
  if (outcome.at("step").get<std::string>().empty()) return {Verdict::defect, "no step"};
  if (outcome.at("errno") == fault.error || is_consequence(fault, outcome))
    return {Verdict::refused, outcome.at("step")};
  return {Verdict::defect, "another errno: " + outcome.dump()};
}

// What the report adds to `clean` when something could not be found out: only such notes, else nullopt.
std::optional<std::string> notes(const Json& denials, const Json& clean) {
  std::string all;
  for (const auto& denial : denials) {
    if (std::find(clean.begin(), clean.end(), denial) != clean.end()) continue;
    const auto detail = denial.at("detail").get<std::string>();
    if (!detail.starts_with("incomplete: ")) return std::nullopt;
    all += denial.at("control").get<std::string>() + " " + detail;
  }
  return all;
}

Verdict judge_run(const Fault& fault, const Json& job, const Json& clean) {
  const auto& outcome = job.at("outcome");
  // An image that pretends to be mounted has no program.
  if (fault.how == How::pretended && outcome.contains("error")) return {Verdict::told, outcome.dump()};
  const auto changed = difference(job.at("enforced"), clean.at("enforced"));
  if (!changed.empty()) return {Verdict::defect, changed};
  if (outcome.contains("error")) {
    const bool is_it = outcome.at("error").at("errno") == fault.error && outcome.at("code") == 126;
    return {is_it ? Verdict::told : Verdict::defect, outcome.dump()};
  }
  const auto noted = notes(job.at("denials"), clean.at("denials"));
  if (outcome != clean.at("outcome") || job.at("stdout") != clean.at("stdout") || !noted)
    return {Verdict::defect, "ended otherwise: " + job.dump()};
  const bool has_all = job.at("artifacts") == clean.at("artifacts");
  if (!has_all && job.at("skipped").empty()) return {Verdict::defect, "an artifact is missing and nobody says so"};
  if (job.at("skipped") != clean.at("skipped")) return {Verdict::told, job.at("skipped").dump()};
  // Whose effect is read back by its value: when that is as it should be, there was nothing to do.
  const bool has_value = fault.call.name == "capset" || fault.call.name == "prlimit64";
  if (fault.how == How::pretended && !has_value) return {Verdict::defect, "it was believed"};
  return {noted->empty() ? Verdict::harmless : Verdict::told, *noted};
}

}  // namespace

Verdict judge(const Fault& fault, const Json& job, const Json& clean) {
  const auto& outcome = job.at("outcome");
  const auto& kind = outcome.at("kind");
  if (kind == "setup_failed") return judge_refusal(fault, outcome);
  if (kind == "exited") return judge_run(fault, job, clean);
  if (kind != "lost") return {Verdict::defect, "ended as " + outcome.dump()};
  const bool had_started = job.contains("enforced") && !job.at("enforced").empty();
  if (outcome.at("reason").get<std::string>().empty()) return {Verdict::defect, "lost without a reason"};
  // Whoever can send nothing can give no reason: that its lifeline closed is all there is.
  const bool is_mute = fault.how == How::lasting && fault.call.name == "sendmsg";
  if (!had_started && !is_mute) return {Verdict::defect, "lost before it started: " + outcome.dump()};
  return {Verdict::lost, outcome.at("reason")};
}

const char* name_of(Verdict::Kind kind) {
  constexpr const char* names[] = {"refused", "harmless", "told", "lost", "not reached", "defect"};
  return names[kind];
}

}  // namespace cordon::test
