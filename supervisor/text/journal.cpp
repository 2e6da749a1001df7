#include "supervisor/text/journal.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>

namespace cordon {
namespace {

void append_field(std::string& entry, std::string_view name, std::string_view value) {
  entry.append(name).append("=").append(value).append("\n");  // no value has a newline: all are escaped
}

std::string field_name(std::string_view name) {
  std::string out = "CORDON_";
  for (const char c : name) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

}  // namespace

bool is_journal_stream(int fd, const char* journal_stream) {
  if (journal_stream == nullptr) return false;
  struct stat status {};
  if (::fstat(fd, &status) < 0) return false;
  return journal_stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

std::string journal_entry(std::string_view event, LogFields fields, Priority priority) {
  std::string entry;
  append_field(entry, "MESSAGE", logfmt(event, fields));
  append_field(entry, "PRIORITY", std::to_string(static_cast<int>(priority)));
  append_field(entry, "SYSLOG_IDENTIFIER", "cordond");
  append_field(entry, "CORDON_EVENT", event);
  for (const auto& [name, value] : fields) append_field(entry, field_name(name), log_value(value));
  return entry;
}

JournalSocket::JournalSocket(std::string socket_path)
    : path_(std::move(socket_path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

JournalSocket::Sent JournalSocket::send(std::string_view entry) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.get() < 0 || path_.size() >= sizeof address.sun_path) return Sent::no;
  path_.copy(address.sun_path, path_.size());
  // By name each time: a journal that was started anew has another socket.
  const auto sent = ::sendto(socket_.get(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (sent >= 0) return Sent::yes;
  return errno == EAGAIN || errno == ENOBUFS ? Sent::full : Sent::no;
}

}  // namespace cordon
