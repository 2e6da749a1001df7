#include "cli/doctor/finding.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/terminal.hpp"

namespace cordon::cli::doctor {
namespace {

bool is(const Finding& finding, Verdict verdict, Weight weight) {
  return finding.verdict == verdict && finding.weight == weight;
}

bool any(const Findings& findings, Verdict verdict, Weight weight) {
  return std::any_of(findings.begin(), findings.end(), [&](const auto& f) { return is(f, verdict, weight); });
}

const char* word(Verdict verdict) {
  switch (verdict) {
    case Verdict::found:
      return "found";
    case Verdict::missing:
      return "missing";
    case Verdict::not_tested:
      break;
  }
  return "not tested";
}

const char* word(Weight weight) {
  return weight == Weight::needed ? "needed" : "useful";
}

std::string lines_of(const Finding& finding) {
  auto text = fmt::format("{:<10}  {:<26}  {}\n", word(finding.verdict), finding.name, for_one_line(finding.detail));
  if (finding.verdict == Verdict::found) return text;
  constexpr const char* indent = "              ";
  text += fmt::format("{}{}: {}\n", indent, word(finding.weight), for_one_line(finding.why));
  if (!finding.remedy.empty()) text += fmt::format("{}mend: {}\n", indent, for_one_line(finding.remedy));
  return text;
}

std::string sum_of(const Findings& findings) {
  const auto count = [&](Verdict verdict) {
    return std::count_if(findings.begin(), findings.end(), [&](const auto& f) { return f.verdict == verdict; });
  };
  return fmt::format("{} found, {} missing, {} not tested\n", count(Verdict::found), count(Verdict::missing),
                     count(Verdict::not_tested));
}

}  // namespace

int exit_code_of(const Findings& findings) {
  if (any(findings, Verdict::missing, Weight::needed)) return 2;
  if (any(findings, Verdict::not_tested, Weight::needed)) return 3;
  return any(findings, Verdict::missing, Weight::useful) ? 1 : 0;
}

std::string text_of(const Findings& findings) {
  std::string text;
  for (const auto& finding : findings) text += lines_of(finding);
  return text + sum_of(findings);
}

nlohmann::ordered_json json_of(const Findings& findings) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& finding : findings)
    rows.push_back({{"name", finding.name},
                    {"verdict", word(finding.verdict)},
                    {"weight", word(finding.weight)},
                    {"detail", finding.detail},
                    {"why", finding.why},
                    {"remedy", finding.remedy}});
  return {{"exit_code", exit_code_of(findings)}, {"findings", std::move(rows)}};
}

}  // namespace cordon::cli::doctor
