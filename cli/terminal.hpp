// A job's bytes made safe for a terminal (threats.md, "The control socket": terminal escapes and forged lines). Pure
// but for is_terminal and write_all.
#pragma once

#include <string>
#include <string_view>

namespace cordon::cli {

// Shows what would act on a terminal instead of sending it: control characters (but tab and newline; "\r\n" counts as
// a newline), C1 controls, characters that change the direction of text, and bytes that are not UTF-8.
class TerminalFilter {
 public:
  std::string feed(std::string_view bytes);
  std::string finish();  // what was held back because the rest of it could still have come

 private:
  std::string held_;
};

std::string for_terminal(std::string_view bytes);  // a whole text
std::string for_one_line(std::string_view bytes);  // a table cell: newlines and tabs are shown too

bool is_terminal(int fd);
bool write_all(int fd, std::string_view bytes);  // false: nobody reads any more (EPIPE); other errors throw Failure

}  // namespace cordon::cli
