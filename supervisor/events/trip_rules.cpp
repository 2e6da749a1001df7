#include "supervisor/events/trip_rules.hpp"

namespace cordon {
namespace {

constexpr int slices = 32;                  // of a window: what came in one of them leaves with it
constexpr std::size_t many_windows = 4096;  // beyond which idle ones are looked for

std::chrono::seconds length(const DenialThreshold& at) {
  return std::chrono::seconds(at.window_seconds);
}

}  // namespace

void DenialWindow::forget(Time now) {
  while (!counted_.empty() && now - counted_.front().first >= length(at_)) {
    total_ -= counted_.front().second;
    counted_.pop_front();
  }
}

bool DenialWindow::add(std::uint64_t count, Time now) {
  forget(now);
  if (count > at_.count) count = at_.count;  // that is enough, and no sum overflows
  if (!counted_.empty() && now - counted_.back().first < length(at_) / slices) {
    counted_.back().second += count;
  } else {
    counted_.emplace_back(now, count);
  }
  total_ += count;
  if (total_ < at_.count) return false;
  counted_.clear();
  total_ = 0;
  return true;
}

bool DenialWindow::idle(Time now) const {
  return counted_.empty() || now - counted_.back().first >= length(at_);
}

void TripRules::configure(const OperationsConfig& config) {
  if (config.denial_burst == burst_ && config.trip_rules == rules_) return;
  burst_ = config.denial_burst;
  rules_ = config.trip_rules;
  windows_.clear();
}

TripRules::Reached TripRules::add(const std::string& actor, const std::string& tool, const std::string& control,
                                  std::uint64_t count, Time now) {
  Reached out;
  if (count == 0) return out;
  out.burst = reached({0, actor, control}, burst_, count, now);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto& rule = rules_[i];
    const auto& name = rule.scope == TripScope::actor ? actor : tool;
    if (rule.control != control || name.empty()) continue;
    if (!reached({i + 1, name, control}, rule.at, count, now)) continue;
    out.trips.push_back({rule.scope, name, control, rule.at, rule.reason});
  }
  return out;
}

bool TripRules::reached(Key key, const DenialThreshold& at, std::uint64_t count, Time now) {
  if (windows_.size() >= many_windows) forget_idle(now);
  return windows_.try_emplace(std::move(key), at).first->second.add(count, now);
}

void TripRules::forget_idle(Time now) {
  std::erase_if(windows_, [&](const auto& entry) { return entry.second.idle(now); });
}

}  // namespace cordon
