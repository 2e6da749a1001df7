// One structured line to stderr (logfmt). Values are escaped, so that nothing a job or client wrote can forge a line or
// reach a terminal as an escape sequence.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace cordon {

using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;

std::string logfmt(std::string_view event, LogFields fields);  // without the newline
void log(std::string_view event, LogFields fields);

}  // namespace cordon
