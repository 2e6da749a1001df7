#include "netfilter/http/body.hpp"

#include <algorithm>

#include "netfilter/http/characters.hpp"

namespace cordon::egress {

namespace {

constexpr unsigned most_digits = 12;  // 256 TiB in one chunk is more than any budget
constexpr std::size_t most_trailers = 8 << 10;

unsigned value_of(char c) {
  return static_cast<unsigned>(is_digit(c) ? c - '0' : lowered(c) - 'a' + 10);
}

std::string in_hex(std::size_t n) {
  std::string out;
  for (; n > 0; n >>= 4) out.insert(out.begin(), "0123456789abcdef"[n & 15]);
  return out;
}

}  // namespace

BodyReader::BodyReader(const RequestHead& head)
    : state_(head.chunked ? State::size : State::content), left_(head.length.value_or(0)) {
  if (state_ == State::content && left_ == 0) state_ = State::ended;
}

BodyReader::Taken BodyReader::take(std::string_view input) {
  Taken taken;
  while (taken.bytes < input.size() && state_ != State::ended && state_ != State::broken) {
    if (state_ != State::content && state_ != State::chunk) {
      step(input[taken.bytes++], taken);
      continue;
    }
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - taken.bytes));
    const auto piece = input.substr(taken.bytes, size);
    if (state_ == State::chunk)
      taken.output.append(in_hex(size)).append("\r\n").append(piece).append("\r\n");
    else
      taken.output.append(piece);
    taken.bytes += size;
    left_ -= size;
    if (left_ == 0) state_ = state_ == State::chunk ? State::chunk_cr : State::ended;
  }
  taken.fault = state_ == State::broken;
  return taken;
}

void BodyReader::step(char c, Taken& taken) {
  switch (state_) {
    case State::size:
      return begin_size(c);
    case State::size_end:
      return end_size(c, taken);
    case State::chunk_cr:
      state_ = c == '\r' ? State::chunk_lf : State::broken;
      return;
    case State::chunk_lf:
      state_ = c == '\n' ? State::size : State::broken;
      return;
    default:
      return end_trailer_line(c, taken);
  }
}

void BodyReader::begin_size(char c) {
  if (c == '\r' && digits_ > 0) {
    state_ = State::size_end;
  } else if (is_hex(c) && digits_ < most_digits) {
    left_ = left_ << 4 | value_of(c);
    ++digits_;
  } else {
    state_ = State::broken;
  }
}

void BodyReader::end_size(char c, Taken&) {
  digits_ = 0;
  if (c != '\n')
    state_ = State::broken;
  else
    state_ = left_ > 0 ? State::chunk : State::trailer;
}

// Lines until an empty one. They are not passed on, so their content is not judged, but their ends are.
void BodyReader::end_trailer_line(char c, Taken& taken) {
  if (++trailers_ > most_trailers || (saw_cr_ && c != '\n') || (!saw_cr_ && c == '\n') || c == '\0') {
    state_ = State::broken;
  } else if (c == '\r') {
    saw_cr_ = true;
  } else if (c != '\n') {
    ++line_;
  } else if (line_ == 0) {
    state_ = State::ended;
    taken.output.append("0\r\n\r\n");
  } else {
    saw_cr_ = false;
    line_ = 0;
  }
}

}  // namespace cordon::egress
