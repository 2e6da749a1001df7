// Request targets, taken apart (RFC 3986). Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cordon {

struct Target {
  std::vector<std::string> segments;         // of the path, decoded; "/v1/jobs" has two
  std::map<std::string, std::string> query;  // decoded
};

std::optional<std::string> percent_decode(std::string_view text);

// Takes "/path?query" and "http://authority/path?query". nullopt: not a target, a bad escape, a NUL, a repeated key.
std::optional<Target> parse_target(std::string_view target);

}  // namespace cordon
