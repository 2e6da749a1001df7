// The inside of a JSON string (RFC 8259, section 7). Pure.
#pragma once

#include <string>
#include <string_view>

namespace cordon {

// `utf8` is valid UTF-8, but may be cut anywhere: pieces put together are what the whole would have been.
void append_json_escaped(std::string& out, std::string_view utf8);

}  // namespace cordon
