// A client that keeps its connection, so that what is measured is Cordon and not connecting to it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <string>

#include "tests/promises/http.hpp"

namespace cordon::bench {

class Client {
 public:
  explicit Client(const std::string& socket_path);
  // Waits for the answer. Throws boost::system::system_error.
  test::Answer request(const std::string& method, const std::string& target, const std::string& body = "");
  // A waited job: finished, and exited with 0. Throws std::runtime_error when it is not.
  void run(const std::string& body);

 private:
  boost::asio::io_context io_;
  boost::asio::local::stream_protocol::socket socket_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace cordon::bench
