#include "supervisor/tools/call_outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "profiles/canonical_json.hpp"
#include "supervisor/text/json_octets.hpp"
#include "supervisor/tools/tool_files.hpp"

namespace cordon {
namespace {

const Tool* tool_of(const Job& job) {
  return job.order.call ? &job.order.call->tool->tool : nullptr;
}

InvalidOutput invalid(std::string pointer, std::string detail) {
  return {{{std::move(pointer), std::move(detail)}}};
}

// A tool that ended well has answered: with a value that its schema takes, or with nothing that counts.
Outcome judge_output(Job& job, const Tool& tool, Outcome outcome) {
  const auto& out = job.output[0];
  if (out.truncated()) return invalid("", "is longer than output_bytes");
  auto value = parse_strict_json(out.kept());
  if (!value) return InvalidOutput{value.error()};
  if (auto faults = tool.output->check(*value); !faults.empty()) return InvalidOutput{std::move(faults)};
  job.result->output = canonical_json(*value);
  return outcome;
}

bool has_succeeded(const Outcome& outcome) {
  const auto* exited = std::get_if<Exited>(&outcome);
  return exited != nullptr && exited->code == 0;
}

void add_denials(const Job& job, bool network_allowed, std::vector<std::string>& into) {
  for (const auto& denial : job.report->denials) {
    const bool effect = denial.control == "seccomp" || (denial.control == "network" && !network_allowed);
    if (!effect) continue;
    const auto times = denial.count ? fmt::format("{} times", *denial.count) : std::string("at least once");
    into.push_back(fmt::format("was refused {}: {} ({})", denial.control, denial.detail, times));
  }
}

std::string_view name_of(artifacts::LeftKind kind) {
  constexpr std::array<std::string_view, 4> names{"file", "directory", "link", "other"};
  return names.at(static_cast<std::size_t>(kind));
}

Json entries_json(const ScratchList& list) {
  Json out = Json::array();
  for (const auto& entry : list.entries) {
    Json item{{"kind", name_of(entry.kind)}, {"size", entry.size}};
    put_octets(item, "path", entry.path);
    item["sha256"] = entry.sha256 ? Json(hex(*entry.sha256)) : Json();
    out.push_back(std::move(item));
  }
  return out;
}

// Paths as the call saw them; each list has the first of what it counts.
Json scratch_json(const ScratchChanges& changes) {
  Json out{{"complete", changes.complete}};
  const auto put = [&out](const std::string& name, const ScratchList& list) {
    out[name] = entries_json(list);
    out[name + "_count"] = list.count;
  };
  put("added", changes.added);
  put("changed", changes.changed);
  put("removed", changes.removed);
  return out;
}

// Files and directories. Without a whole survey, as the file system counts them.
std::optional<std::uint64_t> left_by(const Job& job) {
  const auto& scratch = job.collection.scratch;
  if (scratch && scratch->complete) return scratch->added.count;
  const auto& files = job.report->usage.scratch_files;
  const auto given = job.order.call->files;
  if (!files) return std::nullopt;
  return *files > given ? *files - given : 0;
}

Json effects_json(const Job& job) {
  Json out = Json::object();
  if (!job.report) return out;
  if (const auto left = left_by(job)) out["files_left"] = *left;
  if (job.report->usage.scratch_bytes) out["scratch_bytes"] = *job.report->usage.scratch_bytes;
  out["artifacts"] = job.collection.artifacts.size();
  if (job.collection.scratch) out["scratch"] = scratch_json(*job.collection.scratch);
  return out;
}

// What a tool has left or changed that only reads.
void add_changes(const Job& job, std::vector<std::string>& into) {
  const auto add = [&into](std::uint64_t count, std::string_view what) {
    if (count > 0) into.push_back(fmt::format(fmt::runtime(what), count));
  };
  const auto& scratch = job.collection.scratch;
  add(left_by(job).value_or(0), "left {} files or directories that it was not given");
  if (scratch) {
    add(scratch->changed.count, "changed {} of the files that it was given");
    if (scratch->complete) add(scratch->removed.count, "removed {} of the files or directories that it was given");
  }
  const bool was_cut_short = job.hang_up_reason.why != HangUp::no;
  if (!was_cut_short && !(scratch && scratch->complete)) into.push_back("left more than could be looked at");
  add(job.collection.artifacts.size(), "left {} artifacts");
}

}  // namespace

Outcome judge_call(Job& job, Outcome outcome) {
  const auto* tool = tool_of(job);
  if (tool == nullptr) return outcome;
  job.result = CallResult{};
  if (auto* lost = std::get_if<Lost>(&outcome)) lost->ambiguous = happens_once(*tool) && !job.order.call->health;
  if (job.order.call->health) return outcome;
  if (job.report) job.result->unexpected = unexpected_effects(job);
  if (!tool->output || !has_succeeded(outcome)) return outcome;
  return judge_output(job, *tool, std::move(outcome));
}

std::vector<std::string> unexpected_effects(const Job& job) {
  std::vector<std::string> out;
  const auto& call = *job.order.call;
  const auto effects = call.tool->tool.side_effects;
  if (effects != SideEffects::read_only && effects != SideEffects::reversible) return out;
  if (effects == SideEffects::read_only && job.enforced) add_changes(job, out);  // else nothing of it ran
  add_denials(job, false, out);
  return out;
}

std::optional<AmbiguousRow> ambiguous_row(const Job& job) {
  const auto* lost = job.outcome ? std::get_if<Lost>(&*job.outcome) : nullptr;
  if (lost == nullptr || !lost->ambiguous || !job.order.call) return std::nullopt;
  return AmbiguousRow{job.id, job.account.actor, job.order.call->tool->tool.name, job.order.call->input_sha256,
                      unix_us(job.finished_at.value_or(job.submitted_at))};
}

Json call_json(const Job& job) {
  const auto& call = *job.order.call;
  const auto& tool = call.tool->tool;
  Json out = {{"version", tool.version},
              {"owner", tool.owner},
              {"sha256", hex(call.digest)},
              {"side_effects", to_string(tool.side_effects)},
              {"once", happens_once(tool) && !call.health},
              {"input", call.health ? Json() : Json::parse(call.input)},
              {"input_sha256", hex(call.input_sha256)},
              {"compensates", call.compensates.empty() ? Json() : Json(call.compensates)},
              {"health_check", call.health},
              {"output", Json()},
              {"observed", effects_json(job)},
              {"unexpected_side_effects", Json::array()}};
  if (!job.result) return out;
  if (job.result->output) out["output"] = Json::parse(*job.result->output);
  out["unexpected_side_effects"] = job.result->unexpected;
  return out;
}

std::optional<AmbiguousRow> ambiguous_row(const std::string& report, const std::string& id, const std::string& actor) {
  const auto all = Json::parse(report);
  const auto& before = all.at("before");
  if (!before.contains("call") || !before.at("call").at("once").get<bool>()) return std::nullopt;
  const auto input = parse_hex(before.at("call").at("input_sha256").get<std::string>());
  return AmbiguousRow{id, actor, before.at("tool").get<std::string>(), input.value_or(Sha256{}), 0};
}

std::optional<ReportedCall> reported_call(const std::string& report) {
  const auto all = Json::parse(report);
  const auto& before = all.at("before");
  if (!before.contains("call")) return std::nullopt;
  const auto& call = before.at("call");
  const auto& compensates = call.at("compensates");
  return ReportedCall{
      before.at("tool").get<std::string>(), compensates.is_string() ? compensates.get<std::string>() : std::string(),
      call.at("health_check").get<bool>(), parse_hex(call.at("sha256").get<std::string>()).value_or(Sha256{})};
}

}  // namespace cordon
