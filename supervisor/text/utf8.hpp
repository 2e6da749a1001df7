// Is it UTF-8 (RFC 3629), and where may it be cut? Fed in pieces, as output comes. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cordon {

class Utf8Scanner {
 public:
  void feed(std::string_view bytes);
  bool valid() const { return valid_; }             // nothing so far is against UTF-8
  std::size_t open() const { return open_; }        // bytes at the end that begin an unfinished character
  std::size_t missing() const { return missing_; }  // how many bytes would finish it

 private:
  void begin(std::uint8_t byte);

  bool valid_ = true;
  std::size_t open_ = 0, missing_ = 0;
  std::uint8_t low_ = 0x80, high_ = 0xbf;  // what the next byte must lie between
};

bool is_utf8(std::string_view bytes);

}  // namespace cordon
