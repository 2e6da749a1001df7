#include <catch2/catch.hpp>

#include "supervisor/text/base64.hpp"
#include "supervisor/text/log.hpp"
#include "supervisor/text/timestamp.hpp"
#include "supervisor/text/uri.hpp"
#include "supervisor/text/utf8.hpp"

using namespace cordon;

TEST_CASE("base64 is what RFC 4648 says it is") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64(std::string("\xff\x00\xfe", 3)) == "/wD+");
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  CHECK(decode_base64(base64(all)) == all);
}

TEST_CASE("what only looks like base64 is refused") {
  for (const char* text : {"Zg", "Zg=", "Zg==\n", " Zg==", "Zh==", "Zm9=", "====", "=Zg=", "Zg==Zg==", "Zm-_", "Z"}) {
    INFO(text);
    CHECK_FALSE(decode_base64(text));
  }
  CHECK(decode_base64("") == "");
}

TEST_CASE("UTF-8 is what RFC 3629 says it is") {
  for (const char* text : {"", "abc", "é", "€", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    INFO(text);
    CHECK(is_utf8(text));
  }
  for (const char* text : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
                           "a\xc3(", "\xf0\x8f\xbf\xbf", "\xe2\x82"}) {
    INFO(base64(text));
    CHECK_FALSE(is_utf8(text));
  }
}

TEST_CASE("a scanner fed byte by byte knows what is open and what is missing") {
  Utf8Scanner scanner;
  scanner.feed("a\xf0\x9f");
  CHECK(scanner.valid());
  CHECK(scanner.open() == 2);
  CHECK(scanner.missing() == 2);
  scanner.feed("\x98");
  scanner.feed("\x80");
  CHECK(scanner.valid());
  CHECK(scanner.open() == 0);
}

TEST_CASE("targets are taken apart and decoded") {
  const auto target = parse_target("/v1/jobs/x/artifacts/a%20b/c%2Fd?state=running&limit=5");
  REQUIRE(target);
  CHECK(target->segments == std::vector<std::string>{"v1", "jobs", "x", "artifacts", "a b", "c/d"});
  CHECK(target->query == std::map<std::string, std::string>{{"state", "running"}, {"limit", "5"}});
  CHECK(parse_target("http://localhost/v1/info")->segments == std::vector<std::string>{"v1", "info"});
  CHECK(parse_target("/")->segments.empty());
  CHECK(parse_target("/v1/jobs/")->segments == std::vector<std::string>{"v1", "jobs", ""});
  CHECK(parse_target("//v1")->segments == std::vector<std::string>{"", "v1"});
}

TEST_CASE("bad targets are refused") {
  for (const char* text : {"", "v1", "*", "/%", "/%2", "/%zz", "/%00", "/a#b", "/?a=1&a=2", "/?=1", "/?a=%f"}) {
    INFO(text);
    CHECK_FALSE(parse_target(text));
  }
}

TEST_CASE("times are RFC 3339 in UTC with milliseconds") {
  using namespace std::chrono;
  CHECK(rfc3339(system_clock::time_point(milliseconds(1'700'000'000'007))) == "2023-11-14T22:13:20.007Z");
}

TEST_CASE("a log line cannot be forged and carries no escape sequence", "[threat:terminal-escapes]") {
  CHECK(logfmt("end", {{"id", "abc"}, {"n", "1"}}) == "event=end id=abc n=1");
  CHECK(logfmt("end", {{"x", "a\nevent=forged"}}) == "event=end x=\"a\\x0aevent=forged\"");
  CHECK(logfmt("end", {{"x", "\x1b[31m"}}) == "event=end x=\"\\x1b[31m\"");
  CHECK(logfmt("end", {{"x", "a\"b\\"}}) == "event=end x=\"a\\\"b\\\\\"");
  CHECK(logfmt("end", {{"x", ""}}) == "event=end x=\"\"");
}
