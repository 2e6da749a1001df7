// The first bytes of a connection to a TLS port, in one piece and in two: the verdict is the same.
#include "netfilter/tls/client_hello.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon::egress;
using cordon::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t most = 16 << 10;
  const auto bytes = cordon::fuzz::text_of(data, size);
  const auto read = read_client_hello(bytes, most);
  const auto first = read_client_hello(bytes.substr(0, size / 2), most);
  if (std::holds_alternative<HelloFault>(first)) must(std::holds_alternative<HelloFault>(read), "a fault stays one");
  if (const auto* early = std::get_if<ClientHello>(&first)) {
    const auto* whole = std::get_if<ClientHello>(&read);
    must(whole != nullptr && whole->server_name == early->server_name, "what comes later changes no name");
  }
  if (const auto* hello = std::get_if<ClientHello>(&read)) {
    must(hello->bytes <= size && hello->bytes <= most, "a hello is within what was read");
    const auto again = read_client_hello(bytes.substr(0, hello->bytes), most);
    must(std::holds_alternative<ClientHello>(again), "a hello is whole without what follows");
    must(std::holds_alternative<HelloIncomplete>(read_client_hello(bytes.substr(0, hello->bytes - 1), most)),
         "and not before");
  }
  return 0;
}
