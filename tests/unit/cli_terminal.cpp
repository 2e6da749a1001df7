// Promise (threats.md): job bytes never reach a terminal raw.
#include <catch2/catch.hpp>
#include <string>

#include "cli/table.hpp"
#include "cli/terminal.hpp"

using namespace cordon::cli;

TEST_CASE("text of every language passes a terminal filter unchanged") {
  const std::string text = "plain\ttext\nnaïve Ελληνικά 日本語 🙂\n";
  CHECK(for_terminal(text) == text);
}

TEST_CASE("what would act on a terminal is shown instead of sent", "[threat:terminal-escapes]") {
  CHECK(for_terminal("\x1b[31mred\x1b[0m") == "\\x1b[31mred\\x1b[0m");
  CHECK(for_terminal("\x1b]0;title\x07") == "\\x1b]0;title\\x07");
  CHECK(for_terminal("fine\rforged") == "fine\\x0dforged");
  CHECK(for_terminal("a\b \x7f") == "a\\x08 \\x7f");
  CHECK(for_terminal(std::string("nul\0", 4)) == "nul\\x00");
  CHECK(for_terminal("\xc2\x9b"
                     "31m") == "\\u009b31m");  // CSI as a C1 control
  CHECK(for_terminal("\xe2\x80\xae"
                     "evil") == "\\u202eevil");  // right-to-left override
  CHECK(for_terminal("dos\r\nline") == "dos\nline");
}

TEST_CASE("bytes that are not UTF-8 are shown byte by byte") {
  CHECK(for_terminal("\x9b"
                     "31m") == "\\x9b31m");         // CSI in an 8-bit terminal
  CHECK(for_terminal("\xc0\x9b") == "\\xc0\\x9b");  // overlong forms
  CHECK(for_terminal("\xe0\x82\x9b") == "\\xe0\\x82\\x9b");
  CHECK(for_terminal("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // a surrogate
  CHECK(for_terminal("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // beyond Unicode
  CHECK(for_terminal("\xe2\x82") == "\\xe2\\x82");                    // cut short
  CHECK(for_terminal("\xe2(\x82") == "\\xe2(\\x82");
}

TEST_CASE("a filter's answer does not depend on the pieces that bytes come in") {
  const std::string bytes = "a\r\nb\rc \xe2\x82\xac \xc2\x9b \xf0\x9f\x99\x82 \xe2\x82 \x1b[1m \xff z\r";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    TerminalFilter filter;
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      out += filter.feed(std::string_view(bytes).substr(at, piece));
    out += filter.finish();
    CHECK(out == for_terminal(bytes));
  }
}

TEST_CASE("a table cell keeps to its line and its column") {
  CHECK(for_one_line("a\nb\tc") == "a\\nb\\tc");
  CHECK(table({"ID", "NAME"}, {{"1", "x\ny"}, {"10", "z"}}) == "ID  NAME\n1   x\\ny\n10  z\n");
}
