#include "supervisor/tools/decision.hpp"

namespace cordon {

std::string why_held(const Approval& approval) {
  std::string out;
  for (const auto& need : approval.needs) out += (out.empty() ? "" : "; ") + need.rule + ": " + need.why;
  return out;
}

Json to_json(const Decision& decision) {
  if (const auto* hold = std::get_if<Hold>(&decision)) return {{"kind", "hold"}, {"why", hold->why}};
  if (const auto* refuse = std::get_if<Refuse>(&decision))
    return {{"kind", "refuse"}, {"why", refuse->why.detail}, {"code", refuse->why.code}};
  return {{"kind", "allow"}, {"why", Json()}};
}

}  // namespace cordon
