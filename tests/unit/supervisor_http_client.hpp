// HTTP by hand over a Unix socket, so that a test decides about every byte.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "profiles/strict_json.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon::test {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> fields;  // names in small letters
  std::string body;
  Json json() const { return Json::parse(body); }
};

class HttpClient {
 public:
  explicit HttpClient(const std::string& socket_path);

  void send(std::string_view bytes);
  // Whatever comes next, whole; nullopt: the connection was closed before an answer.
  std::optional<HttpAnswer> answer(bool to_head = false);
  std::string read_until(std::string_view mark);  // raw bytes up to and with the mark
  void half_close();
  bool closed();  // by the other side; waits for it

  HttpAnswer get(const std::string& target, const std::string& fields = "");
  HttpAnswer post(const std::string& body, const std::string& fields = "");  // to /v1/jobs
  HttpAnswer call(const std::string& method, const std::string& target);

 private:
  bool more();
  std::string chunks();

  Fd socket_;
  std::string buffer_;
};

}  // namespace cordon::test
