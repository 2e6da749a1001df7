// An answer in JSON, for programs: in ASCII, since it may end on a terminal all the same, and what a job or a client
// wrote is in it. JSON's own escapes say the same (RFC 8259, section 7).
#pragma once

#include <string>

#include "cli/client.hpp"

namespace cordon::cli {

inline std::string json_text(const Json& value, int indent = 2) {
  return value.dump(indent, ' ', true, Json::error_handler_t::replace);
}

}  // namespace cordon::cli
