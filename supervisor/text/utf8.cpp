#include "supervisor/text/utf8.hpp"

namespace cordon {

void Utf8Scanner::begin(std::uint8_t byte) {
  if (byte < 0x80) return;
  open_ = 1;
  low_ = 0x80;
  high_ = 0xbf;
  if (byte >= 0xc2 && byte <= 0xdf) {
    missing_ = 1;
  } else if (byte >= 0xe0 && byte <= 0xef) {
    missing_ = 2;
    if (byte == 0xe0) low_ = 0xa0;   // shorter forms exist
    if (byte == 0xed) high_ = 0x9f;  // surrogates
  } else if (byte >= 0xf0 && byte <= 0xf4) {
    missing_ = 3;
    if (byte == 0xf0) low_ = 0x90;
    if (byte == 0xf4) high_ = 0x8f;  // beyond U+10FFFF
  } else {
    valid_ = false;
    open_ = 0;
  }
}

void Utf8Scanner::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (!valid_) return;
    const auto byte = static_cast<std::uint8_t>(c);
    if (missing_ == 0) {
      begin(byte);
      continue;
    }
    if (byte < low_ || byte > high_) {
      valid_ = false;
      open_ = missing_ = 0;
      return;
    }
    low_ = 0x80;
    high_ = 0xbf;
    ++open_;
    if (--missing_ == 0) open_ = 0;
  }
}

bool is_utf8(std::string_view bytes) {
  Utf8Scanner scanner;
  scanner.feed(bytes);
  return scanner.valid() && scanner.open() == 0;
}

}  // namespace cordon
