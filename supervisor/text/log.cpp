#include "supervisor/text/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "supervisor/text/journal.hpp"

namespace cordon {
namespace {

bool is_plain(char c) {
  return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (c >= 0x20 && c < 0x7f) {
      out.push_back(c);
    } else {
      out.append(fmt::format("\\x{:02x}", static_cast<unsigned char>(c)));
    }
  }
  return out;
}

void append_value(std::string& line, std::string_view value) {
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_plain)) {
    line.append(value);
  } else {
    line.append("\"").append(escaped(value)).append("\"");
  }
}

// What this process writes its log to, found out once.
struct Sink {
  bool is_journal = is_journal_stream(STDERR_FILENO, std::getenv("JOURNAL_STREAM"));
  JournalSocket journal{std::string(journal_socket)};
  std::atomic<std::uint64_t> lost = 0;
};

Sink& sink() {
  static Sink the_one;
  return the_one;
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

std::string log_value(std::string_view value) {
  return escaped(value);
}

void log(std::string_view event, LogFields fields, Priority priority) {
  auto& to = sink();
  if (to.is_journal) {
    const auto sent = to.journal.send(journal_entry(event, fields, priority));
    if (sent == JournalSocket::Sent::full) ++to.lost;
    if (sent != JournalSocket::Sent::no) return;
  }
  const auto line = logfmt(event, fields) + "\n";
  // One write: whole lines, also when stderr is a pipe that others share. A lost log line is nobody's failure.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

std::uint64_t lost_log_lines() {
  return sink().lost;
}

}  // namespace cordon
