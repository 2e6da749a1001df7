// What a launcher tells cordon-egress: what is taken is written again as it came, and its addresses lead to its names.
#include "netfilter/policy/snapshot.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon;
using cordon::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  must(!decode_egress_answer(bytes) || encode(*decode_egress_answer(bytes)) == bytes, "an answer has one form");
  const auto job = decode_egress_job(bytes);
  if (!job) return 0;
  must(encode(*job) == bytes, "a job has one form");
  egress::Snapshot snapshot(*job);
  for (const auto& name : job->names) {
    must(snapshot.address_of(name.name) == name.address, "an exact name has its address");
    must(snapshot.name_at(name.address) == name.name, "and the address its name");
  }
  return 0;
}
