// Text joined in an array, as of a path: an interpreter that waits allocates nothing for it.
#pragma once

#include <cstring>
#include <span>

namespace cordon::prestart {

// To the string in `array`. False, and nothing is changed: there is no room for it and its terminating null byte.
inline bool append(std::span<char> array, const char* text) {
  const auto used = std::strlen(array.data()), more = std::strlen(text);
  if (used + more + 1 > array.size()) return false;
  std::memcpy(array.data() + used, text, more + 1);
  return true;
}

}  // namespace cordon::prestart
