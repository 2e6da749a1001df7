// Any bytes, read as a client's JSON and as its limits.
#include "profiles/strict_json.hpp"

#include "profiles/limits_json.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon;
using fuzz::must;

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr Limits ceiling{600'000, 600'000, 2000, 2048 * mib, 512, 16 * mib, 1024 * mib, 262'144, 1024 * mib, 4096};
constexpr Limits defaults{10'000, 10'000, 1000, 512 * mib, 64, mib, 64 * mib, 16'384, 64 * mib, 256};

void errors_can_be_sent(const FieldErrors& errors) {
  must(!errors.empty(), "a refusal has a reason");
  for (const auto& error : errors)
    static_cast<void>(Json({{error.pointer, error.detail}}).dump());  // throws if not UTF-8
}

void limits_stay_below_the_ceiling(const Json& asked) {
  const auto limits = apply_limits(asked, "/limits", ceiling, defaults);
  if (!limits) return errors_can_be_sent(limits.error());
  for (const auto& field : limit_fields) {
    must(*limits.*field.member >= field.min, "a limit is at least its minimum");
    must(*limits.*field.member <= ceiling.*field.member, "a limit is at most the ceiling");
  }
  must(scratch_fits(*limits), "scratch fits into memory");
  must(apply_limits(to_json(*limits), "", ceiling, defaults) == *limits, "limits read back what they write");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = parse_strict_json(fuzz::text_of(data, size));
  if (!json) {
    errors_can_be_sent(json.error());
    return 0;
  }
  must(parse_strict_json(json->dump()) == *json, "JSON reads back what it writes");
  limits_stay_below_the_ceiling(*json);
  return 0;
}
