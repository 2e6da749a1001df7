#include "supervisor/http/connection_table.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace cordon {

ConnectionTable::Seat::Seat(std::shared_ptr<Books> books, std::uint32_t uid, std::function<void()> cut)
    : books_(std::move(books)), uid_(uid), since_(++books_->sequence), cut_(std::move(cut)) {
  books_->seats[uid_].push_back(this);
  ++books_->size;
}

ConnectionTable::Seat::~Seat() {
  books_->leave(uid_, this);
}

void ConnectionTable::Seat::now(Doing doing) {
  if (doing == doing_) return;
  doing_ = doing;
  since_ = ++books_->sequence;
}

void ConnectionTable::Books::leave(std::uint32_t uid, Seat* seat) {
  const auto of_uid = seats.find(uid);
  if (of_uid == seats.end() || std::erase(of_uid->second, seat) == 0) return;  // it had to leave before
  --size;
  if (of_uid->second.empty()) seats.erase(of_uid);
}

tl::expected<ConnectionTable::SeatPtr, ConnectionTable::Full> ConnectionTable::take(std::uint32_t uid, Limits limits,
                                                                                    std::function<void()> cut) {
  const auto of_uid = books_->seats.find(uid);
  const auto own = of_uid == books_->seats.end() ? 0 : of_uid->second.size();
  if (own >= limits.per_uid) return tl::unexpected(Full::of_uid);
  if (books_->size >= limits.all && !make_room_for(limits.newest_wins ? 0 : own)) return tl::unexpected(Full::of_all);
  return SeatPtr(new Seat(books_, uid, std::move(cut)));
}

// Somebody who has `own` connections wants one more: from whom has so many that they differ by more than that one.
bool ConnectionTable::make_room_for(std::size_t own) {
  auto& seats = books_->seats;
  const auto most = std::max_element(seats.begin(), seats.end(),
                                     [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  if (most == seats.end() || most->second.size() <= own + 1) return false;
  auto* const loser = *std::min_element(most->second.begin(), most->second.end(), [](const Seat* a, const Seat* b) {
    return std::tie(a->doing_, a->since_) < std::tie(b->doing_, b->since_);
  });
  books_->leave(most->first, loser);
  ++books_->evicted;
  const auto cut = std::move(loser->cut_);  // which may drop the seat
  if (cut) cut();
  return true;
}

std::size_t most_connections(std::size_t configured, std::size_t open_files, std::size_t max_running) {
  constexpr std::size_t own = 256, of_a_job = 5, of_a_connection = 2;
  const auto reserved = own + of_a_job * max_running;
  const auto left = open_files > 2 * reserved ? open_files - reserved : open_files / 2;
  return std::min(configured, std::max<std::size_t>(left / of_a_connection, 8));
}

}  // namespace cordon
