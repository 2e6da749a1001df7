#include "netfilter/policy/second_hello.hpp"

#include <algorithm>
#include <optional>

#include "netfilter/policy/authorise.hpp"

namespace cordon::egress {

namespace {

constexpr std::size_t record_header = 5, most_answer = 4 << 10;
constexpr std::uint8_t change_cipher_spec = 20, alert = 21, handshake = 22, application_data = 23;
constexpr char server_hello = 2;
constexpr std::size_t random_at = 6, random_bytes = 32;  // behind the message's header and the version
// RFC 8446 4.1.3: the random of a ServerHello that is a HelloRetryRequest.
constexpr std::string_view retry_random(
    "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
    "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c",
    random_bytes);

std::uint8_t octet(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

std::size_t size_of_record(std::string_view record) {
  return static_cast<std::size_t>(octet(record, 3)) << 8 | octet(record, 4);
}

// Does the server want another hello? nullopt: not to be told yet. Warnings may stand before its first message.
std::optional<bool> asks_again(std::string_view stream) {
  std::string message;
  while (stream.size() >= record_header) {
    const auto size = size_of_record(stream);
    const auto payload = stream.substr(record_header, size);
    if (octet(stream, 0) == handshake)
      message.append(payload);
    else if (octet(stream, 0) != alert)
      return false;
    if (!message.empty() && message[0] != server_hello) return false;
    if (message.size() >= random_at + random_bytes)
      return std::string_view(message).substr(random_at, random_bytes) == retry_random;
    if (payload.size() < size) return std::nullopt;
    stream.remove_prefix(record_header + size);
  }
  return std::nullopt;
}

bool may_pass(std::uint8_t type) {
  return type == change_cipher_spec || type == alert || type == application_data;
}

}  // namespace

SecondHello::Taken SecondHello::up(std::string_view bytes) {
  Taken taken;
  const auto all = std::exchange(held_, {}).append(bytes);
  std::size_t at = 0;
  while (at < all.size() && taken.fault == FlowReason::none) {
    if (left_ == 0 && state_ != State::over) {
      const auto before = at;
      taken.fault = octet(all, at) == handshake ? pass_hello(all, at, taken) : pass_record(all, at, taken);
      if (at == before && left_ == 0) break;  // held, or at fault
      continue;
    }
    const auto size = state_ == State::over ? all.size() - at : std::min(left_, all.size() - at);
    taken.output.append(all, at, size);
    at += size;
    left_ -= std::min(left_, size);
  }
  held_ = all.substr(at);
  return taken;
}

// Its header; what is in it passes as it comes.
FlowReason SecondHello::pass_record(std::string_view all, std::size_t& at, Taken& taken) {
  if (!may_pass(octet(all, at))) return FlowReason::bad_client_hello;
  if (all.size() - at < record_header) return FlowReason::none;
  left_ = size_of_record(all.substr(at));
  taken.output.append(all.substr(at, record_header));
  at += record_header;
  return FlowReason::none;
}

FlowReason SecondHello::pass_hello(std::string_view all, std::size_t& at, Taken& taken) {
  if (state_ == State::no_answer_yet) return FlowReason::bad_client_hello;
  const auto read = read_client_hello(all.substr(at), max_bytes_);
  if (std::holds_alternative<HelloIncomplete>(read)) return FlowReason::none;
  if (const auto* fault = std::get_if<HelloFault>(&read))
    return *fault == HelloFault::too_large ? FlowReason::head_too_large : FlowReason::bad_client_hello;
  const auto& hello = std::get<ClientHello>(read);
  if (const auto why = check_hello(hello, name_); why != FlowReason::none) return why;
  taken.output.append(all.substr(at, hello.bytes));
  at += hello.bytes;
  state_ = State::over;
  return FlowReason::none;
}

void SecondHello::down(std::string_view bytes) {
  if (state_ != State::no_answer_yet) return;
  answer_.append(bytes.substr(0, most_answer - std::min(most_answer, answer_.size())));
  const auto again = asks_again(answer_);
  if (!again && answer_.size() < most_answer) return;
  state_ = again.value_or(false) ? State::asked_again : State::over;
  answer_ = {};
}

}  // namespace cordon::egress
