#include "supervisor/jobs/job_id.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

namespace cordon {

std::string JobIds::next(WallTime now) {
  using std::chrono::milliseconds;
  const auto ms = static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count());
  if (ms > last_ms_) {
    last_ms_ = ms;
    sequence_ = 0;
  } else if (++sequence_ > 0xfff) {
    ++last_ms_;
    sequence_ = 0;
  }
  std::uint64_t random = 0;
  randombytes_buf(&random, sizeof random);
  const auto variant = 0x8000U | (random >> 48 & 0x3fffU);
  return fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}", last_ms_ >> 16 & 0xffffffffU, last_ms_ & 0xffffU,
                     sequence_, variant, random & 0xffffffffffffU);
}

bool is_job_id(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

}  // namespace cordon
