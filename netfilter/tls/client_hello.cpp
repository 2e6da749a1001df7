#include "netfilter/tls/client_hello.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace cordon::egress {

namespace {

constexpr std::size_t record_header = 5, message_header = 4, most_in_record = 1 << 14;
constexpr std::uint8_t handshake_record = 22, client_hello_message = 1, host_name_type = 0;

enum Extension : std::uint16_t {
  server_name = 0,
  early_data = 42,
  outer_extensions = 0xfd00,  // only inside of an encrypted hello
  first_ech_draft = 0xfe08,
  encrypted_client_hello = 0xfe0d,  // the last of its numbers
  esni = 0xffce,
};

// Big-endian, never past the end; bad once, bad for ever.
class Octets {
 public:
  explicit Octets(std::string_view in) : in_(in) {}

  std::uint32_t number(std::size_t size) {
    std::uint32_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }
  std::string_view take(std::size_t size) {
    if (size > in_.size()) {
      good_ = false;
      in_ = {};
      return {};
    }
    const auto out = in_.substr(0, size);
    in_.remove_prefix(size);
    return out;
  }
  // A vector: its length in `width` bytes, within bounds, then that many bytes.
  std::string_view vector(std::size_t width, std::size_t least, std::size_t most) {
    const auto size = number(width);
    if (size < least || size > most) good_ = false;
    return take(size);
  }
  bool good() const { return good_; }
  bool empty() const { return in_.empty(); }

 private:
  std::string_view in_;
  bool good_ = true;
};

// Exactly one host name, and nothing else in the list.
std::optional<std::string> read_server_name(std::string_view extension) {
  Octets in(extension);
  Octets list(in.vector(2, 4, 0xffff));
  const auto type = list.number(1);
  const auto name = list.vector(2, 1, 0xffff);
  if (!in.good() || !in.empty() || !list.good() || !list.empty() || type != host_name_type) return std::nullopt;
  return std::string(name);
}

bool hides_a_hello(std::uint16_t type) {
  return (type >= first_ech_draft && type <= encrypted_client_hello) || type == esni || type == outer_extensions;
}

std::optional<HelloFault> read_extensions(std::string_view extensions, ClientHello& hello) {
  Octets in(extensions);
  std::vector<std::uint16_t> seen;
  while (in.good() && !in.empty()) {
    const auto type = static_cast<std::uint16_t>(in.number(2));
    const auto body = in.vector(2, 0, 0xffff);
    if (!in.good() || std::find(seen.begin(), seen.end(), type) != seen.end()) return HelloFault::malformed;
    seen.push_back(type);
    if (hides_a_hello(type)) hello.encrypted_hello = true;
    if (type == early_data) hello.early_data = true;
    if (type != server_name) continue;
    const auto name = read_server_name(body);
    if (!name) return HelloFault::malformed;
    hello.server_name = *name;
  }
  return std::nullopt;
}

HelloRead read_body(std::string_view body, std::size_t stream_bytes) {
  Octets in(body);
  const auto version = in.number(2);
  in.take(32);          // random
  in.vector(1, 0, 32);  // session id
  const auto suites = in.vector(2, 2, 0xfffe);
  const auto compressions = in.vector(1, 1, 255);
  if (!in.good() || version >> 8 != 3 || suites.size() % 2 != 0) return HelloFault::malformed;
  if (compressions.find('\0') == compressions.npos) return HelloFault::malformed;
  ClientHello hello;
  hello.bytes = stream_bytes;
  if (in.empty()) return hello;  // TLS 1.2 allows it without extensions
  const auto extensions = in.vector(2, 0, 0xffff);
  if (!in.good() || !in.empty()) return HelloFault::malformed;
  if (const auto fault = read_extensions(extensions, hello)) return *fault;
  return hello;
}

std::uint8_t octet(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

// The first bytes of a stream show another protocol at once: nobody waits for more of it.
std::optional<HelloFault> other_protocol(std::string_view so_far) {
  if (!so_far.empty() && octet(so_far, 0) != handshake_record) return HelloFault::not_tls;
  if (so_far.size() > 1 && octet(so_far, 1) != 3) return HelloFault::not_tls;
  return std::nullopt;
}

// A record at the front of `stream`: its payload, or that it is not whole yet, or what is wrong.
std::variant<HelloIncomplete, std::string_view, HelloFault> read_record(std::string_view stream) {
  if (!stream.empty() && octet(stream, 0) != handshake_record) return HelloFault::malformed;
  if (stream.size() > 1 && octet(stream, 1) != 3) return HelloFault::malformed;
  if (stream.size() > 2 && octet(stream, 2) > 4) return HelloFault::malformed;
  if (stream.size() < record_header) return HelloIncomplete{};
  const std::size_t size = octet(stream, 3) << 8 | octet(stream, 4);
  if (size == 0 || size > most_in_record) return HelloFault::malformed;
  if (stream.size() < record_header + size) return HelloIncomplete{};
  return stream.substr(record_header, size);
}

// The size of the message, header and all, once that is known.
std::variant<HelloIncomplete, std::size_t, HelloFault> message_size(std::string_view message, std::size_t max_bytes) {
  if (!message.empty() && octet(message, 0) != client_hello_message) return HelloFault::malformed;
  if (message.size() < message_header) return HelloIncomplete{};
  const std::size_t size = octet(message, 1) << 16 | octet(message, 2) << 8 | octet(message, 3);
  if (size + message_header > max_bytes) return HelloFault::too_large;
  return size + message_header;
}

HelloRead read_messages(std::string_view so_far, std::size_t max_bytes) {
  std::string message;
  for (std::size_t at = 0;;) {
    const auto record = read_record(so_far.substr(at));
    if (const auto* fault = std::get_if<HelloFault>(&record)) return *fault;
    if (std::holds_alternative<HelloIncomplete>(record)) return HelloIncomplete{};
    const auto payload = std::get<std::string_view>(record);
    message.append(payload);
    at += record_header + payload.size();
    const auto size = message_size(message, max_bytes);
    if (const auto* fault = std::get_if<HelloFault>(&size)) return *fault;
    const auto* whole = std::get_if<std::size_t>(&size);
    if (whole == nullptr || message.size() < *whole) continue;
    if (message.size() > *whole) return HelloFault::malformed;
    return read_body(std::string_view(message).substr(message_header), at);
  }
}

}  // namespace

HelloRead read_client_hello(std::string_view so_far, std::size_t max_bytes) {
  if (const auto fault = other_protocol(so_far)) return *fault;
  // What stands behind them is not looked at: it may be here already, or not yet.
  auto read = read_messages(so_far.substr(0, max_bytes), max_bytes);
  if (std::holds_alternative<HelloIncomplete>(read) && so_far.size() >= max_bytes) return HelloFault::too_large;
  return read;
}

std::string_view access_denied_alert() {
  static constexpr std::string_view alert("\x15\x03\x03\x00\x02\x02\x31", 7);
  return alert;
}

}  // namespace cordon::egress
