// Bytes that go from one socket to another without being read here (splice(2)): the kernel hands on its pages, and
// copies nothing. One pipe for the whole process, which is empty whenever a coroutine lets others run.
#pragma once

#include <string>

#include "netfilter/proxy/asio.hpp"

namespace cordon::egress {

class Passage {
 public:
  Passage() = default;
  ~Passage();
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

  bool open();  // false: there is no descriptor, or no memory, for it now
  // As read_some and write_some. What was taken and not given is had by rest().
  std::size_t take(tcp::socket& from, std::size_t size, error_code& error);
  std::size_t give(tcp::socket& to, std::size_t size, error_code& error);
  std::string rest(std::size_t size);

 private:
  int out_ = -1, in_ = -1;
};

}  // namespace cordon::egress
