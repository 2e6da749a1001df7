// HTTP over one of Cordon's Unix sockets (exchange.hpp). Failures name the socket and what to do about it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::cli {

using Json = nlohmann::ordered_json;
using Headers = std::vector<std::string>;  // "Name: value"

struct Response {
  long status = 0;
  std::string body;
};

struct Request {
  std::string method = "GET";
  std::string target{};  // path and query
  std::string body{};
  Headers headers{};
  std::chrono::milliseconds timeout{0};  // of the whole exchange; 0: none
};

class Client {
 public:
  explicit Client(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  Response send(const Request& request) const;
  Json get_json(const Request& request) const;  // anything but 2xx is a Failure made of the problem document
  const std::string& socket_path() const { return socket_path_; }

 private:
  std::string socket_path_;
};

class Exchange;

// A response that is read as it comes.
class Stream {
 public:
  enum class Event { bytes, ended, woken };

  Stream(const Client& client, const std::string& target, const Headers& headers);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Event wait(int wake_fd);  // until bytes have come, the response is over, or wake_fd is readable
  std::string take();       // the bytes since the last call
  long status() const;      // 0 before the header

 private:
  std::string socket_path_;
  Request request_;
  std::unique_ptr<Exchange> exchange_;  // from the first wait on
  std::string bytes_;
  bool over_ = false;
};

Json parse_answer(const std::string& body);          // Failure when it is not JSON
[[noreturn]] void refuse(const Response& response);  // the Failure a problem document describes
std::string percent_encoded(std::string_view path);  // each octet but RFC 3986's unreserved ones and "/"

}  // namespace cordon::cli
