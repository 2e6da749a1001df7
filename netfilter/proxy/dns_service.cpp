#include "netfilter/proxy/dns_service.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>

#include "netfilter/proxy/deadline.hpp"
#include "netfilter/proxy/sockets.hpp"
#include "profiles/host_name.hpp"

namespace cordon::egress {

namespace {

constexpr std::uint32_t ttl_seconds = 300;
constexpr std::size_t most_connections = 8;  // over TCP, of one job
constexpr int turn = 32;                     // questions, before others have their turn
constexpr auto patience = std::chrono::seconds(10);

}  // namespace

DnsService::DnsService(asio::io_context& io, Snapshot& snapshot, Denials& denials, JobClosed& totals,
                       EgressFigures& figures, Descriptor udp_fd, Descriptor tcp_fd)
    : io_(io),
      snapshot_(snapshot),
      denials_(denials),
      totals_(totals),
      figures_(figures),
      queries_(snapshot.job().limits.queries_per_second, Clock::now()),
      udp_(io, udp::v4(), udp_fd.release()),
      tcp_(io, tcp::v4(), tcp_fd.release()) {}

void DnsService::start(const std::shared_ptr<void>& owner) {
  udp_.non_blocking(true);
  asio::co_spawn(io_, serve_udp(*this, owner), asio::detached);
  asio::co_spawn(io_, serve_tcp(*this, owner), asio::detached);
}

void DnsService::end() {
  ended_ = true;
  error_code ignored;
  udp_.close(ignored);
  tcp_.close(ignored);
  for (auto* socket : connections_) reset(*socket);
}

awaitable<void> DnsService::serve_udp(DnsService& self, std::shared_ptr<void> /*owner*/) {
  std::array<char, max_query + 1> question{};
  while (!self.ended_) {
    const auto [error] = co_await self.udp_.async_wait(udp::socket::wait_read, as_result);
    if (error) co_return;
    for (int i = 0; i < turn; ++i) {
      udp::endpoint from;
      error_code failed;
      const auto size = self.udp_.receive_from(asio::buffer(question), from, 0, failed);
      if (failed) break;
      const auto said = self.answer({question.data(), size});
      if (!said.empty()) self.udp_.send_to(asio::buffer(said), from, 0, failed);  // no room: as if lost on the way
    }
  }
}

awaitable<void> DnsService::serve_tcp(DnsService& self, std::shared_ptr<void> owner) {
  while (!self.ended_) {
    auto [error, socket] = co_await self.tcp_.async_accept(as_result);
    if (self.ended_) co_return;
    if (error || self.connections_.size() >= most_connections) {
      asio::steady_timer pause(self.io_, std::chrono::milliseconds(error ? 50 : 1));
      co_await pause.async_wait(as_result);
      continue;
    }
    asio::co_spawn(self.io_, serve_connection(self, owner, std::move(socket)), asio::detached);
  }
}

awaitable<void> DnsService::serve_connection(DnsService& self, std::shared_ptr<void> /*owner*/, tcp::socket socket) {
  self.connections_.insert(&socket);
  std::array<unsigned char, 2> length{};
  std::array<char, max_query> question{};
  while (!self.ended_) {
    const Deadline deadline(socket, patience);
    const auto prefix = asio::buffer(length);
    const auto [error, got] = co_await asio::async_read(socket, prefix, as_result);
    const std::size_t size = std::size_t{length[0]} << 8 | length[1];
    if (error || size > max_query) break;
    const auto room = asio::buffer(question.data(), size);
    const auto [cut, whole] = co_await asio::async_read(socket, room, as_result);
    auto said = cut ? std::string() : self.answer({question.data(), whole});
    if (said.empty()) break;
    said.insert(0, {static_cast<char>(said.size() >> 8), static_cast<char>(said.size())});
    const auto bytes = asio::buffer(said);
    const auto [failed, sent] = co_await asio::async_write(socket, bytes, as_result);
    if (failed) break;
  }
  self.connections_.erase(&socket);
}

std::string DnsService::answer(std::string_view message) {
  const auto read = read_dns_query(message);
  if (const auto* query = std::get_if<DnsQuery>(&read)) return answer_query(*query);
  if (const auto* unreadable = std::get_if<UnreadableQuery>(&read)) return answer_unreadable(*unreadable);
  return {};
}

std::string DnsService::answer_query(const DnsQuery& query) {
  if (!queries_.take_one(Clock::now())) return refuse_query(query, FlowReason::too_many_queries);
  if (snapshot_.is_revoked()) return refuse_query(query, FlowReason::grant_revoked);
  if (!snapshot_.knows(query.name)) return refuse_query(query, FlowReason::no_grant);
  const bool wants_address = query.type == static_cast<std::uint16_t>(RecordType::a);
  const auto address = wants_address ? snapshot_.address_of(query.name) : Ipv4{0};
  if (!address) return refuse_query(query, address.error());
  ++totals_.queries_answered;
  ++figures_.queries_answered;
  return wants_address ? answer_address(query, *address, ttl_seconds) : answer_nothing(query);
}

std::string DnsService::refuse_query(const DnsQuery& query, FlowReason why) {
  ++totals_.queries_denied;
  ++figures_.queries_denied;
  ++figures_.by_reason[static_cast<std::size_t>(why)];
  denials_.query(canonical_host_name(query.name).value_or(""), query.type, why);
  return refuse(query, to_string(why));
}

}  // namespace cordon::egress
