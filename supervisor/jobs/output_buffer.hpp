// The first bytes of one output stream, and the count of all of them. Cut at a character when the rest is UTF-8. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "supervisor/text/utf8.hpp"

namespace cordon {

class OutputBuffer {
 public:
  explicit OutputBuffer(std::uint64_t limit) : limit_(limit) {}
  static OutputBuffer of(std::string kept, bool text);  // closed; how much was written is told elsewhere

  void append(std::string_view bytes);
  void close();  // nothing comes any more

  // What is kept. Never shrinks and never changes: bytes that may yet be cut off are not part of it.
  std::string_view kept() const { return std::string_view(bytes_).substr(0, shown_); }
  bool is_text() const { return text_; }              // kept() is UTF-8, whole characters only
  std::uint64_t written() const { return written_; }  // by the tool, kept or not
  bool truncated() const { return truncated_; }
  bool over_limit() const { return written_ > limit_; }
  std::size_t memory() const { return bytes_.capacity(); }

 private:
  std::uint64_t limit_;
  std::string bytes_;
  std::size_t shown_ = 0;
  std::uint64_t written_ = 0;
  Utf8Scanner scanner_;
  bool truncated_ = false, text_ = true;
};

}  // namespace cordon
