// Who is next when several users wait, each with any number of things: one of each user in turn, and of one user in the
// order in which they came. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace cordon {

template <typename Waiting>
class TurnOrder {
 public:
  void add(std::uint32_t uid, Waiting waiting) {
    auto& of_uid = waiting_[uid];
    if (of_uid.empty()) order_.push_back(uid);
    of_uid.push_back(std::move(waiting));
  }

  std::optional<Waiting> next() {
    if (order_.empty()) return std::nullopt;
    const auto uid = order_.front();
    order_.pop_front();
    const auto at = waiting_.find(uid);
    auto first = std::move(at->second.front());
    at->second.pop_front();
    if (at->second.empty()) {
      waiting_.erase(at);
    } else {
      order_.push_back(uid);
    }
    return first;
  }

 private:
  std::map<std::uint32_t, std::deque<Waiting>> waiting_;
  std::deque<std::uint32_t> order_;  // every uid that waits, once
};

}  // namespace cordon
