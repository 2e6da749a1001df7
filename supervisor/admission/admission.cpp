#include "supervisor/admission/admission.hpp"

#include <algorithm>

namespace cordon {
namespace {

constexpr std::uint64_t max_queued_bytes = std::uint64_t{512} << 20;  // of clients' input, held in memory

}  // namespace

tl::expected<void, Rejection> Admission::may_enter(const Claim& claim, Time) const {
  if (running_.size() < limits_.max_running && queue_.empty()) return {};
  if (queue_.size() >= limits_.max_queued) {
    return tl::unexpected(
        overloaded("queue_full", std::to_string(queue_.size()) + " jobs wait already (max_queued)", 1));
  }
  if (queued_bytes_ + claim.input_bytes > max_queued_bytes) {
    return tl::unexpected(overloaded("queue_full", "the waiting jobs' input fills 512 MiB (max_queued_bytes)", 1));
  }
  return {};
}

void Admission::enter(const std::string& id, Claim claim) {
  queued_bytes_ += claim.input_bytes;
  queue_.push_back({id, std::move(claim)});
}

std::optional<std::string> Admission::next(Time) {
  if (queue_.empty() || running_.size() >= limits_.max_running) return std::nullopt;
  auto first = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= first.claim.input_bytes;
  running_.emplace(first.id, std::move(first.claim));
  return std::move(first.id);
}

bool Admission::leave(const std::string& id) {
  const auto at = find(id);
  if (at == queue_.end()) return false;
  queued_bytes_ -= at->claim.input_bytes;
  queue_.erase(at);
  return true;
}

void Admission::ended(const std::string& id) {
  running_.erase(id);
}

std::optional<std::size_t> Admission::position(const std::string& id) const {
  const auto at = find(id);
  if (at == queue_.end()) return std::nullopt;
  return static_cast<std::size_t>(at - queue_.begin()) + 1;
}

std::deque<Admission::Waiting>::const_iterator Admission::find(const std::string& id) const {
  return std::find_if(queue_.begin(), queue_.end(), [&](const Waiting& waiting) { return waiting.id == id; });
}

}  // namespace cordon
