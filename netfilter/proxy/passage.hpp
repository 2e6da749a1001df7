// Bytes that go from one socket to another without being read here (splice(2)): the kernel hands on its pages, and
// copies nothing. A pipe, which stays with its bytes while their reader is slow: but the last one that there may be
// does not wait, so that no slow reader takes this way from others.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "netfilter/proxy/asio.hpp"

namespace cordon::egress {

class Passage {
 public:
  struct GiveBack {
    void operator()(Passage* passage) const;
  };
  using Ptr = std::unique_ptr<Passage, GiveBack>;
  // Empty. Null when there is no descriptor, or no memory, for one now.
  static Ptr open();
  static bool may_wait() { return in_use_ < most; }

  ~Passage();
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

  void take(tcp::socket& from, std::size_t size, error_code& error);  // as read_some, of at most so many bytes
  std::size_t give(tcp::socket& to, error_code& error);               // as write_some, of all that it has
  std::string rest();                                                 // all that it has, read
  std::size_t size() const { return size_; }

 private:
  static constexpr int most = 8;  // each may hold 256 pages of sockets, whatever is used of them
  Passage(int out, int in) : out_(out), in_(in) {}

  static inline int in_use_ = 0;
  static inline std::vector<std::unique_ptr<Passage>> idle_;
  int out_, in_;
  std::size_t size_ = 0;
};

}  // namespace cordon::egress
