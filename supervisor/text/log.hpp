// One structured entry: fields for the journal where standard error leads there, one line (logfmt) on standard error
// elsewhere. Values are escaped, so that nothing a job or client wrote can forge a line or reach a terminal as an
// escape sequence.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace cordon {

using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;

enum class Priority : std::uint8_t { critical = 2, error = 3, warning = 4, info = 6 };  // syslog(3)

std::string log_value(std::string_view value);                 // visible ASCII; the rest as \xNN
std::string logfmt(std::string_view event, LogFields fields);  // without the newline
void log(std::string_view event, LogFields fields, Priority priority = Priority::info);
std::uint64_t lost_log_lines();  // that the journal had no room for

}  // namespace cordon
