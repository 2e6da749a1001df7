// What a client of Cordon does, for tests: one HTTP request over a Unix socket as some user, or raw bytes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon::test {

using Json = nlohmann::ordered_json;

struct Answer {
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  Json json() const { return Json::parse(body); }
};

// Who asks: root unless a uid is given, and with which groups.
struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

struct Call {
  std::string method = "GET";
  std::string target{};
  std::string body{};
  std::vector<std::string> headers{};
  std::optional<Credentials> as{};
  std::chrono::milliseconds patience = std::chrono::seconds(60);
};

Answer call(const std::string& socket, const Call& call);

Fd connect_to(const std::string& socket);
void send_all(int fd, std::string_view bytes);
// Until the other side closes, or nothing came for `patience`.
std::string receive_all(int fd, std::chrono::milliseconds patience);

}  // namespace cordon::test
