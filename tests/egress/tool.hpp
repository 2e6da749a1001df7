// What a tool in the sandbox does, from C++: connections, names, and the first bytes of TLS as it likes them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "profiles/ipv4.hpp"
#include "tests/egress/world.hpp"

namespace cordon::egress_test {

class Connection {
 public:
  // From inside the sandbox. `receives`: bytes that its kernel keeps for it (SO_RCVBUF); 0: as many as it likes.
  Connection(const World& world, Ipv4 address, std::uint16_t port, int receives = 0);
  bool connected() const { return error_ == 0; }
  int error() const { return error_; }

  // False when the other side has reset.
  bool send(std::string_view bytes);
  void end_of_bytes();
  void close() { socket_.reset(); }
  int fd() const { return socket_.get(); }

  struct Received {
    std::string bytes;
    enum class End { eof, reset, nothing } end = End::nothing;  // nothing: patience has ended
  };
  Received receive(std::chrono::milliseconds patience = std::chrono::seconds(10), std::size_t most = SIZE_MAX);
  // Sends, says that it has said all if `ends`, and reads all.
  Received ask(std::string_view bytes, bool ends = false);

 private:
  Fd socket_;
  int error_ = 0;
};

struct DnsAnswer {
  std::uint8_t rcode = 255;  // 255: none came
  std::optional<Ipv4> address;
  std::string bytes;
};
// To the sandbox's resolver, by UDP.
Fd resolver_socket(const World& world);

DnsAnswer ask_dns(const World& world, std::string_view name, std::uint16_t type = 1, bool over_tcp = false,
                  bool edns = false);
std::string dns_question(std::string_view name, std::uint16_t type, bool edns = false);

// A ClientHello in one record; `extensions`: more of them, encoded. A name of "" is left out.
std::string client_hello(std::string_view server_name, std::string_view extensions = {});
std::string tls_record(std::string_view payload, char type = 22);

}  // namespace cordon::egress_test
