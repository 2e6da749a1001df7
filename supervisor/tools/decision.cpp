#include "supervisor/tools/decision.hpp"

namespace cordon {

Decision decide(const ProposedCall& call) {
  if (!call.compensates.empty()) return Hold{"a compensation always needs another person's approval"};
  return Allow{};
}

Json to_json(const Decision& decision) {
  if (const auto* hold = std::get_if<Hold>(&decision)) return {{"kind", "hold"}, {"why", hold->why}};
  if (const auto* refuse = std::get_if<Refuse>(&decision))
    return {{"kind", "refuse"}, {"why", refuse->why.detail}, {"code", refuse->why.code}};
  return {{"kind", "allow"}, {"why", Json()}};
}

}  // namespace cordon
