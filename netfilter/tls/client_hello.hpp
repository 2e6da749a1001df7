// The first message of TLS, as far as egress must understand it: whose server is asked for. Strict, incremental, pure.
// Sources: RFC 8446 4.1.2 and 5.1, RFC 6066 3 (server_name), RFC 9849 (encrypted client hello).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace cordon::egress {

struct ClientHello {
  std::string server_name;       // as sent; "" when there is none
  bool encrypted_hello = false;  // ECH, or one of its drafts: another name may be inside. Its imitation looks the same
  bool early_data = false;       // 0-RTT: application data comes with the hello
  std::size_t bytes = 0;         // of the stream, up to the end of the last record that it is in
};

enum class HelloFault : std::uint8_t {
  not_tls,    // another protocol
  malformed,  // TLS, but not as its standard has it
  too_large,
};
struct HelloIncomplete {};

using HelloRead = std::variant<HelloIncomplete, ClientHello, HelloFault>;

// Reads what has come so far. A hello may lie in several records, and each record may come in pieces. Bytes of the same
// flight behind it (0-RTT) are left alone; another message in its last record is a fault. A fault is told as early as
// it can be seen; `incomplete` only while more bytes can still make a hello of at most `max_bytes`.
HelloRead read_client_hello(std::string_view so_far, std::size_t max_bytes);

// What refuses a hello: a fatal alert, access_denied (49), in one record.
std::string_view access_denied_alert();

}  // namespace cordon::egress
