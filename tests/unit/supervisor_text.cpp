#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "supervisor/text/base64.hpp"
#include "supervisor/text/journal.hpp"
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

TEST_CASE("a journal entry has real fields, and none can be forged", "[threat:terminal-escapes]") {
  CHECK(journal_entry("job_end", {{"job", "a"}, {"wall_ms", "1.5"}}, Priority::warning) ==
        "MESSAGE=event=job_end job=a wall_ms=1.5\nPRIORITY=4\nSYSLOG_IDENTIFIER=cordond\nCORDON_EVENT=job_end\n"
        "CORDON_JOB=a\nCORDON_WALL_MS=1.5\n");
  const auto entry = journal_entry("job_end", {{"detail", "x\nCORDON_JOB=forged\x1b[2J"}}, Priority::info);
  CHECK(entry.find("\nCORDON_JOB=") == std::string::npos);
  CHECK(entry.find('\x1b') == std::string::npos);
  CHECK(entry.ends_with("CORDON_DETAIL=x\\x0aCORDON_JOB=forged\\x1b[2J\n"));
}

TEST_CASE("the journal is written to where standard error is its stream, and only there") {
  struct stat status {};
  REQUIRE(::fstat(STDERR_FILENO, &status) == 0);
  const auto name = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  CHECK(is_journal_stream(STDERR_FILENO, name.c_str()));
  CHECK_FALSE(is_journal_stream(STDERR_FILENO, nullptr));
  CHECK_FALSE(is_journal_stream(STDERR_FILENO, "1:1"));
  CHECK_FALSE(is_journal_stream(-1, name.c_str()));
}

TEST_CASE("a journal that is full or gone is not waited for") {
  const std::string path = "/tmp/cordon-journal-" + std::to_string(::getpid());
  const JournalSocket journal(path);
  CHECK(journal.send("A=1\n") == JournalSocket::Sent::no);
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(journal.send("A=1\n") == JournalSocket::Sent::yes);
  char got[16] = {};
  CHECK(::recv(socket.get(), got, sizeof got, MSG_DONTWAIT) == 4);
  CHECK(std::string(got) == "A=1\n");
  auto last = JournalSocket::Sent::yes;
  for (int i = 0; i < 100'000 && last == JournalSocket::Sent::yes; ++i) last = journal.send("A=1\n");
  CHECK(last == JournalSocket::Sent::full);
  ::unlink(path.c_str());
}
