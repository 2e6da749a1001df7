// What a TLS handshake may still say in the clear after its first hello was allowed. A server may ask for a second
// hello (HelloRetryRequest). It must be for the same name (RFC 8446 4.1.2), but not every server compares the two; so
// it is held until it is whole and was seen. Pure. Source: RFC 8446 4.1.2, 4.1.3, 4.2.10 and D.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "profiles/flow_record.hpp"

namespace cordon::egress {

class SecondHello {
 public:
  // `name`: canonical, of the first hello, behind which all bytes here begin. `max_bytes`: of a hello.
  SecondHello(std::string name, std::size_t max_bytes) : name_(std::move(name)), max_bytes_(max_bytes) {}

  struct Taken {
    std::string output;  // what may be sent on now, of this and of what was held
    FlowReason fault = FlowReason::none;
  };
  // What the tool says. Before the server's first message nothing can come in the clear but early data and what
  // stands around it; another hello sent ahead would be read behind the server's wish for one.
  Taken up(std::string_view bytes);
  // What the server says: looked at, never changed.
  void down(std::string_view bytes);

  bool is_over() const { return state_ == State::over; }  // nothing is left to look at, and nothing is held

 private:
  enum class State : std::uint8_t { no_answer_yet, asked_again, over };
  FlowReason pass_record(std::string_view all, std::size_t& at, Taken& taken);
  FlowReason pass_hello(std::string_view all, std::size_t& at, Taken& taken);

  std::string name_;
  std::size_t max_bytes_;
  State state_ = State::no_answer_yet;
  std::string answer_;    // of the server, until it is known what it is
  std::string held_;      // of the tool: the front of a record
  std::size_t left_ = 0;  // bytes of a record that has begun to pass
};

}  // namespace cordon::egress
