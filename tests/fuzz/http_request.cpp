// A request as a job's tool sends it. What is written for it reads as itself again, and its body ends where it said.
#include <algorithm>

#include "netfilter/http/body.hpp"
#include "netfilter/http/request_head.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon::egress;
using cordon::fuzz::must;

namespace {

void check_body(const RequestHead& head, std::string_view rest) {
  BodyReader whole(head), in_pieces(head);
  const auto taken = whole.take(rest);
  std::string output;
  std::size_t used = 0;
  for (const char c : rest) {
    const auto one = in_pieces.take({&c, 1});
    output += one.output;
    used += one.bytes;
  }
  must(used == taken.bytes && in_pieces.ended() == whole.ended(), "a body ends in one place, however it comes");
  if (taken.fault) return;
  BodyReader again(head);
  const auto second = again.take(taken.output);
  must(!second.fault && second.bytes == taken.output.size(), "what is sent on is a body itself");
  must(!head.chunked || again.ended() == whole.ended(), "and it ends when the first did");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t most = 16 << 10;
  const auto bytes = cordon::fuzz::text_of(data, size);
  const auto read = read_request_head(bytes, most);
  const auto* head = std::get_if<RequestHead>(&read);
  if (head == nullptr) return 0;
  must(!(head->chunked && head->length), "a body is framed in one way");
  const auto written = write_request_head(*head, "a.test");
  must(std::count(written.begin(), written.end(), '\n') ==
           static_cast<long>(4 + head->fields.size() + head->chunked + head->length.has_value()),
       "a request has the lines that were meant, and no more");
  const auto again = read_request_head(written, 1 << 20);
  const auto* same = std::get_if<RequestHead>(&again);
  must(same != nullptr && same->method == head->method && same->target == head->target &&
           same->fields == head->fields && same->chunked == head->chunked && same->length == head->length &&
           same->bytes == written.size(),
       "what is written reads as what was understood");
  check_body(*head, bytes.substr(head->bytes));
  return 0;
}
