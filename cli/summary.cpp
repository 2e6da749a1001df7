#include "cli/summary.hpp"

#include <fmt/format.h>

#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

double number(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : -1;
}

std::string usage_line(const Json& usage) {
  std::string line =
      fmt::format("wall {}, cpu {}", readable_time(number(usage, "wall_ms")), readable_time(number(usage, "cpu_ms")));
  if (number(usage, "memory_peak_bytes") >= 0)
    line += ", memory peak " + readable_bytes(number(usage, "memory_peak_bytes"));
  if (number(usage, "pids_peak") >= 0) line += fmt::format(", processes peak {:.0f}", number(usage, "pids_peak"));
  return line;
}

std::string denial_line(const Json& denial) {
  const double count = number(denial, "count");
  return fmt::format("{}{}: {}", denial.value("control", ""), count < 0 ? "" : fmt::format(" x{:.0f}", count),
                     denial.value("detail", ""));
}

std::string artifact_line(const Json& artifact) {
  return fmt::format("{} ({}, sha256 {:.12}…)", artifact.value("path", ""), readable_bytes(number(artifact, "size")),
                     artifact.value("sha256", ""));
}

std::string skipped_line(const Json& skipped) {
  return skipped.is_object() ? fmt::format("{}: {}", skipped.value("path", ""), skipped.value("reason", ""))
                             : skipped.dump();
}

void append_list(std::string& out, const Json& job, const char* key, const char* title,
                 std::string (*line)(const Json&)) {
  const auto list = job.find(key);
  if (list == job.end() || !list->is_array()) return;
  for (const auto& item : *list) out += fmt::format("  {:<10}{}\n", title, for_one_line(line(item)));
}

}  // namespace

std::string outcome_in_short(const Json& job) {
  const auto outcome = job.find("outcome");
  if (outcome == job.end() || !outcome->is_object()) return {};
  auto text = outcome->value("kind", "");
  for (const char* key : {"code", "name", "limit", "step", "scope"}) {
    const auto more = outcome->find(key);
    if (more == outcome->end()) continue;
    text += ' ';
    text += more->is_string() ? more->get<std::string>() : more->dump();
  }
  return text;
}

std::string summary_of(const Json& job) {
  std::string out = fmt::format("job {}\n  {:<10}{}\n", for_one_line(job.value("id", "")), "outcome",
                                for_one_line(outcome_in_short(job)));
  const auto usage = job.find("usage");
  if (usage != job.end() && usage->is_object()) out += fmt::format("  {:<10}{}\n", "used", usage_line(*usage));
  append_list(out, job, "denials", "refused", denial_line);
  append_list(out, job, "artifacts", "artifact", artifact_line);
  append_list(out, job, "skipped", "skipped", skipped_line);
  return out;
}

}  // namespace cordon::cli
