// The first bytes of a connection to a TLS port, in one piece and in two: the verdict is the same. And what comes
// behind an allowed hello: in pieces or at once the same passes, nothing is changed, and no other name's hello is among
// it.
#include "netfilter/tls/client_hello.hpp"
#include "netfilter/policy/second_hello.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon::egress;
using cordon::fuzz::must;

namespace {

// `behind` is cut at `piece`; the server has asked for another hello, or has not answered.
SecondHello::Taken pass(std::string_view behind, std::size_t piece, bool asked_again) {
  SecondHello second("a.test", 16 << 10);
  if (asked_again) {
    static constexpr std::string_view retry(
        "\x16\x03\x03\x00\x26\x02\x00\x00\x22\x03\x03"
        "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
        "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c",
        43);
    second.down(retry);
  }
  SecondHello::Taken all;
  for (std::size_t at = 0; at < behind.size() && all.fault == cordon::FlowReason::none; at += piece) {
    const auto taken = second.up(behind.substr(at, piece));
    all.output += taken.output;
    all.fault = taken.fault;
  }
  return all;
}

void second_hello(std::string_view behind) {
  for (const bool asked_again : {false, true}) {
    const auto whole = pass(behind, behind.size() + 1, asked_again), pieces = pass(behind, 7, asked_again);
    must(behind.starts_with(whole.output), "what passes is what was said");
    must(whole.output == pieces.output && whole.fault == pieces.fault, "pieces change nothing");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t most = 16 << 10;
  const auto bytes = cordon::fuzz::text_of(data, size);
  second_hello(bytes);
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
