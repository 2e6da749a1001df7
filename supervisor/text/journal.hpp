// The journal's own protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): fields instead of a line. A full journal is
// not waited for: cordond has one thread, and a lost line is counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {

inline constexpr std::string_view journal_socket = "/run/systemd/journal/socket";

// Is `fd` the stream that JOURNAL_STREAM (systemd.exec(5)) names? Null: there is no such variable.
bool is_journal_stream(int fd, const char* journal_stream);

// MESSAGE is the line as logfmt has it; PRIORITY, SYSLOG_IDENTIFIER, CORDON_EVENT and one CORDON_NAME for each field.
// Values are escaped as in the line.
std::string journal_entry(std::string_view event, LogFields fields, Priority priority);

class JournalSocket {
 public:
  explicit JournalSocket(std::string socket_path);

  enum class Sent { yes, full, no };  // no: nobody listens there
  Sent send(std::string_view entry) const;

 private:
  std::string path_;
  Fd socket_;
};

}  // namespace cordon
