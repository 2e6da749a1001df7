// What cordon-egress, cordond and cordon-ledger say to each other: what is taken is written again as it came.
#include "profiles/flow_record.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon;
using cordon::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  if (const auto record = decode_flow_record(bytes)) must(encode(*record) == bytes, "a record has one form");
  if (const auto message = decode_watcher_message(bytes)) must(encode(*message) == bytes, "a message has one form");
  if (const auto flow = decode_flow_to_write(bytes)) must(encode(*flow) == bytes, "what is to be written has one form");
  return 0;
}
