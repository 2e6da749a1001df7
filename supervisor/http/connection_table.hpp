// Who has how many connections, and who must give one up when all are taken: whoever has most, so that nobody is kept
// out by another's many. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <tl/expected.hpp>
#include <vector>

namespace cordon {

class ConnectionTable {
 private:
  struct Books;

 public:
  // In the order in which they are given up, and of one kind the oldest first.
  enum class Doing : std::uint8_t { idle, reading, writing, working };

  class Seat {
   public:
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    void now(Doing doing);

   private:
    friend class ConnectionTable;
    Seat(std::shared_ptr<Books> books, std::uint32_t uid, std::function<void()> cut);
    std::shared_ptr<Books> books_;
    std::uint32_t uid_;
    Doing doing_ = Doing::idle;
    std::uint64_t since_;
    std::function<void()> cut_;
  };
  using SeatPtr = std::shared_ptr<Seat>;  // given back when dropped

  struct Limits {
    std::size_t per_uid = 0, all = 0;
    bool newest_wins = false;  // for sockets where nobody says who he is: the oldest gives way
  };
  enum class Full { of_uid, of_all };

  // `cut` ends the connection that gets the seat, when another must have it: the seat is free from then on.
  tl::expected<SeatPtr, Full> take(std::uint32_t uid, Limits limits, std::function<void()> cut);

  std::size_t size() const { return books_->size; }
  std::uint64_t evicted() const { return books_->evicted; }

 private:
  struct Books {
    std::map<std::uint32_t, std::vector<Seat*>> seats;
    std::size_t size = 0;
    std::uint64_t sequence = 0, evicted = 0;
    void leave(std::uint32_t uid, Seat* seat);
  };
  bool make_room_for(std::size_t own);

  std::shared_ptr<Books> books_ = std::make_shared<Books>();
};
using Doing = ConnectionTable::Doing;

// How many connections there may be: what the configuration says, but never so many that the descriptors of jobs run
// out. A connection may need two (a file that is sent).
std::size_t most_connections(std::size_t configured, std::size_t open_files, std::size_t max_running);

}  // namespace cordon
