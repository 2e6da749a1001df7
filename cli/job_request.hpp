// From what a person typed to the body of `POST /v1/jobs`. Reads the files it names; asks Cordon nothing.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cordon::cli {

using Json = nlohmann::ordered_json;

struct JobWish {
  std::string profile{}, image{}, cwd{}, on_output_limit{};  // empty: the server's default
  std::vector<std::string> limits{};                         // NAME=VALUE
  std::vector<std::string> files{};                          // SRC[:DEST]
  std::vector<std::string> collect{};
  std::vector<std::string> env{};     // NAME=VALUE, or NAME to pass on ours
  std::vector<std::string> labels{};  // NAME=VALUE
  std::string grant{};                // its secret; empty: none
  bool stdin_too = false;
  bool timings = false;
  std::vector<std::string> argv{};
};

std::string job_request(const JobWish& wish);

// "memory_bytes=256Mi" -> {"memory_bytes", 268435456}; "wall_ms=10s" -> {"wall_ms", 10000}; "cpus=1.5".
std::pair<std::string, Json> parse_limit(std::string_view text);

struct EncodedBytes {
  std::string content, encoding;  // utf8 where the bytes are that, else base64
};
EncodedBytes encode_bytes(std::string_view bytes);
std::string decode_base64(std::string_view text);  // Failure when it is not
std::string read_everything(int fd, const std::string& name);

}  // namespace cordon::cli
