#include "supervisor/admission/share.hpp"

#include <cmath>

namespace cordon {
namespace {

// Of two that reach the same tag, after so many starts of each.
bool was_served_longer_ago(const Share& one, std::size_t starts, const Share& other, std::size_t other_starts) {
  if (starts > 0 && other_starts > 0 && one.weight != other.weight) return one.weight < other.weight;
  return starts < other_starts || (starts == other_starts && one.turn < other.turn);
}

}  // namespace

std::size_t served_before(const Share& mine, std::size_t rank, const Share& other) {
  constexpr double same = 1e-9;
  if (other.queued == 0) return 0;
  const auto cost = Share::job_cost / other.weight;
  const auto start = mine.next_tag() + static_cast<double>(rank - 1) * Share::job_cost / mine.weight;
  const auto distance = (start - other.next_tag()) / cost;
  if (distance < -same) return 0;
  const auto earlier = std::ceil(distance - same);  // with a lower tag; the next may have the same one
  auto count = static_cast<std::size_t>(std::min(earlier, static_cast<double>(other.queued)));
  const bool tie = std::abs(distance - std::round(distance)) <= same;
  if (tie && count < other.queued && was_served_longer_ago(other, count, mine, rank - 1)) ++count;
  return count;
}

}  // namespace cordon
