#include <catch2/catch.hpp>

#include "supervisor/http/body_budget.hpp"
#include "supervisor/http/connection_table.hpp"
#include "supervisor/http/turn_order.hpp"

using namespace cordon;

namespace {

struct Client {
  ConnectionTable::SeatPtr seat;
  bool cut = false;
};

// Connections that go when they are cut, as real ones do a little later.
class Crowd {
 public:
  explicit Crowd(ConnectionTable::Limits limits) : limits_(limits) {}

  Client* enter(std::uint32_t uid) {
    auto client = std::make_unique<Client>();
    auto seat = table.take(uid, limits_, [raw = client.get()] { raw->cut = true; });
    if (!seat) return nullptr;
    client->seat = std::move(*seat);
    clients_.push_back(std::move(client));
    return clients_.back().get();
  }
  int enter_many(std::uint32_t uid, int count) {
    int got_in = 0;
    for (int i = 0; i < count; ++i) got_in += enter(uid) != nullptr ? 1 : 0;
    return got_in;
  }
  ConnectionTable table;

 private:
  ConnectionTable::Limits limits_;
  std::vector<std::unique_ptr<Client>> clients_;
};

constexpr std::size_t kib = 1024;

}  // namespace

TEST_CASE("a uid has at most its own limit, and gets back what it drops", "[threat:slow-clients]") {
  Crowd crowd({2, 100});
  CHECK(crowd.enter_many(1, 5) == 2);
  auto* other = crowd.enter(2);
  REQUIRE(other);
  CHECK(crowd.table.size() == 3);
  other->seat.reset();
  CHECK(crowd.table.size() == 2);
}

TEST_CASE("when all are taken, whoever has most gives one up to whoever has less", "[threat:slow-clients]") {
  Crowd crowd({64, 100});
  CHECK(crowd.enter_many(1, 60) == 60);
  CHECK(crowd.enter_many(2, 40) == 40);
  CHECK(crowd.enter(3) != nullptr);
  CHECK(crowd.table.size() == 100);
  CHECK(crowd.table.evicted() == 1);
}

TEST_CASE("honest users always get in, and none of theirs is cut off, however many the others have",
          "[threat:slow-clients]") {
  Crowd crowd({64, 100});
  std::vector<Client*> honest;
  for (std::uint32_t uid = 1; uid <= 4; ++uid) crowd.enter_many(uid, 64);
  for (std::uint32_t uid = 100; uid < 110; ++uid) {
    for (int i = 0; i < 4; ++i) honest.push_back(crowd.enter(uid));
    crowd.enter_many(1 + uid % 4, 64);  // and the others go on trying
  }
  for (const auto* client : honest) {
    REQUIRE(client);
    CHECK_FALSE(client->cut);
  }
  CHECK(crowd.table.size() == 100);
}

TEST_CASE("idle connections go before those that send, those before readers, and a waiting job last") {
  Crowd crowd({10, 4});
  auto* working = crowd.enter(1);
  auto* writing = crowd.enter(1);
  auto* reading = crowd.enter(1);
  auto* idle = crowd.enter(1);
  working->seat->now(Doing::working);
  writing->seat->now(Doing::writing);
  reading->seat->now(Doing::reading);
  REQUIRE(crowd.enter(2));
  CHECK(idle->cut);
  CHECK_FALSE(reading->cut);
  REQUIRE(crowd.enter(3));
  CHECK(reading->cut);
  CHECK_FALSE(writing->cut);
  CHECK_FALSE(working->cut);
}

TEST_CASE("nobody takes a seat from whoever has no more than he would then have himself") {
  Crowd crowd({10, 4});
  CHECK(crowd.enter_many(1, 2) == 2);
  CHECK(crowd.enter_many(2, 2) == 2);
  CHECK(crowd.enter(1) == nullptr);
  CHECK(crowd.enter(3) != nullptr);
  CHECK(crowd.enter(3) == nullptr);  // 1, 2 and 3 have one or two each
}

TEST_CASE("where nobody says who he is, the oldest gives way to the newest") {
  Crowd crowd({10, 2, true});
  auto* first = crowd.enter(1);
  auto* second = crowd.enter(1);
  REQUIRE(crowd.enter(1));
  CHECK(first->cut);
  CHECK_FALSE(second->cut);
}

TEST_CASE("connections never take the descriptors that jobs need") {
  CHECK(most_connections(8192, 65536, 256) == 8192);
  CHECK(most_connections(8192, 4096, 256) == (4096 - 256 - 5 * 256) / 2);
  CHECK(most_connections(8192, 1024, 256) == 256);
  CHECK(most_connections(100, 65536, 256) == 100);
}

TEST_CASE("bodies share a bounded memory, of which each uid gets half of what the others leave",
          "[threat:slow-clients]") {
  const BodyBudget budget(1024 * kib);
  auto first = budget.share_of(1);
  CHECK(first->grow_to(512 * kib));
  CHECK_FALSE(first->grow_to(512 * kib + 1));
  auto again = budget.share_of(1);
  CHECK_FALSE(again->grow_to(small_body + 1));
  CHECK(again->grow_to(small_body));  // small ones are always taken
  auto second = budget.share_of(2);
  CHECK(second->grow_to(256 * kib));
  CHECK_FALSE(second->grow_to(257 * kib));
  auto third = budget.share_of(3);
  CHECK(third->grow_to(128 * kib));  // there is always room for one more
  first.reset();
  CHECK(second->grow_to(300 * kib));
  CHECK(budget.share_of(1)->grow_to(200 * kib));
}

TEST_CASE("turns go round the users, however many things one of them has waiting", "[threat:slow-clients]") {
  TurnOrder<int> queue;
  CHECK_FALSE(queue.next());
  for (int i = 0; i < 1000; ++i) queue.add(1, 100 + i);
  queue.add(2, 20);
  queue.add(3, 30);
  queue.add(2, 21);
  std::vector<int> order;
  for (int i = 0; i < 7; ++i) order.push_back(*queue.next());
  CHECK(order == std::vector<int>{100, 20, 30, 101, 21, 102, 103});
  queue.add(3, 31);
  CHECK(queue.next() == 104);
  CHECK(queue.next() == 31);
  for (int i = 5; i < 1000; ++i) CHECK(queue.next() == 100 + i);
  CHECK_FALSE(queue.next());
}
