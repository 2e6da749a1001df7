// The body of a request, as far as its framing: which bytes belong to it, and how they are sent on. Pure.
// Source: RFC 9112 6 and 7.1. Chunk extensions are refused, trailers are read and left out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "netfilter/http/request_head.hpp"

namespace cordon::egress {

class BodyReader {
 public:
  explicit BodyReader(const RequestHead& head);

  struct Taken {
    std::size_t bytes = 0;  // of the input that were used; what is behind the end of the body is not
    std::string output;     // what is sent for them
    bool fault = false;     // the framing is not as it must be: nothing more is to be sent
  };
  Taken take(std::string_view input);
  bool ended() const { return state_ == State::ended; }

 private:
  enum class State : std::uint8_t { content, size, size_end, chunk, chunk_cr, chunk_lf, trailer, ended, broken };
  void step(char c, Taken& taken);
  void begin_size(char c);
  void end_size(char c, Taken& taken);
  void end_trailer_line(char c, Taken& taken);

  State state_;
  std::uint64_t left_ = 0;  // of the content, or of this chunk
  unsigned digits_ = 0;
  bool saw_cr_ = false;
  std::size_t line_ = 0, trailers_ = 0;  // bytes
};

}  // namespace cordon::egress
