// Where a job's two streams go: raw into pipes and files, made safe on terminals.
#pragma once

#include <string_view>

#include "cli/terminal.hpp"

namespace cordon::cli {

class JobOutput {
 public:
  JobOutput(int fd, bool raw) : fd_(fd), filtered_(!raw && is_terminal(fd)) {}

  void write(std::string_view bytes) { send(filtered_ ? filter_.feed(bytes) : std::string(bytes)); }
  void finish() { send(filter_.finish()); }
  bool unread() const { return unread_; }  // nobody reads it any more

 private:
  void send(std::string_view bytes) { unread_ = unread_ || !write_all(fd_, bytes); }

  int fd_;
  bool filtered_;
  bool unread_ = false;
  TerminalFilter filter_;
};

}  // namespace cordon::cli
