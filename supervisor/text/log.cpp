#include "supervisor/text/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace cordon {
namespace {

bool is_plain(char c) {
  return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

void append_value(std::string& line, std::string_view value) {
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_plain)) {
    line.append(value);
    return;
  }
  line.push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') line.push_back('\\');
    if (c >= 0x20 && c < 0x7f) {
      line.push_back(c);
    } else {
      line.append(fmt::format("\\x{:02x}", static_cast<unsigned char>(c)));
    }
  }
  line.push_back('"');
}

}  // namespace

std::string logfmt(std::string_view event, LogFields fields) {
  std::string line = fmt::format("event={}", event);
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).append("=");
    append_value(line, value);
  }
  return line;
}

void log(std::string_view event, LogFields fields) {
  const auto line = logfmt(event, fields) + "\n";
  // One write: whole lines, also when stderr is a pipe that others share. A lost log line is nobody's failure.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace cordon
