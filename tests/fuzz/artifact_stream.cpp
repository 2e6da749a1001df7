// The collector's stream. It has the job's uid, so a job may come to write it: the first byte cuts the rest into
// pieces.
#include "sandbox/artifact_stream.hpp"

#include <algorithm>
#include <string>

#include "tests/fuzz/property.hpp"

using namespace cordon;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  auto bytes = fuzz::text_of(data + 1, size - 1);
  const std::size_t piece = data[0] == 0 ? bytes.size() : data[0];
  const auto whole = bytes;
  std::string again;
  artifacts::Decoder decoder;
  while (!bytes.empty()) {
    const auto n = std::min(piece, bytes.size());
    decoder.feed(bytes.substr(0, n));
    bytes.remove_prefix(n);
    while (const auto frame = decoder.next()) again += artifacts::encode(*frame);
  }
  must(whole.starts_with(again), "frames encode to the bytes they came from");
  if (decoder.bad()) must(!decoder.next(), "a bad stream stays bad");
  return 0;
}
