#include "netfilter/proxy/hearing.hpp"

#include "netfilter/proxy/deadline.hpp"

namespace cordon::egress {

namespace {

constexpr std::size_t piece = 4096;  // bytes

FlowReason fault_of(HelloFault fault) {
  switch (fault) {
    case HelloFault::not_tls:
      return FlowReason::not_tls;
    case HelloFault::malformed:
      return FlowReason::bad_client_hello;
    case HelloFault::too_large:
      return FlowReason::head_too_large;
  }
  return FlowReason::bad_client_hello;
}

// True when there is nothing to wait for any more.
bool understand_hello(Hearing& hearing, std::size_t max_bytes) {
  auto read = read_client_hello(hearing.bytes, max_bytes);
  if (std::holds_alternative<HelloIncomplete>(read)) return false;
  if (const auto* fault = std::get_if<HelloFault>(&read))
    hearing.fault = fault_of(*fault);
  else
    hearing.heard = std::get<ClientHello>(std::move(read));
  return true;
}

bool understand_request(Hearing& hearing, std::size_t max_bytes) {
  auto read = read_request_head(hearing.bytes, max_bytes);
  if (std::holds_alternative<HeadIncomplete>(read)) return false;
  if (const auto* fault = std::get_if<FlowReason>(&read))
    hearing.fault = *fault;
  else
    hearing.heard = std::get<RequestHead>(std::move(read));
  return true;
}

bool understand(Hearing& hearing, EgressMode mode, std::size_t max_bytes) {
  return mode == EgressMode::passthrough ? understand_hello(hearing, max_bytes)
                                         : understand_request(hearing, max_bytes);
}

}  // namespace

awaitable<Hearing> hear(tcp::socket& tool, EgressMode mode, EgressLimits limits) {
  Hearing hearing;
  if (mode == EgressMode::raw) co_return hearing;
  const Deadline deadline(tool, std::chrono::milliseconds(limits.head_ms));
  while (!understand(hearing, mode, limits.max_head_bytes)) {
    const auto had = hearing.bytes.size();
    hearing.bytes.resize(had + piece);
    const auto room = asio::buffer(hearing.bytes.data() + had, piece);
    const auto [error, size] = co_await tool.async_read_some(room, as_result);
    hearing.bytes.resize(had + size);
    if (!error) continue;
    hearing.fault = deadline.passed() ? FlowReason::head_too_slow : FlowReason::reset_by_tool;
    break;
  }
  co_return hearing;
}

}  // namespace cordon::egress
