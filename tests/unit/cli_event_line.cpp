#include "cli/event_line.hpp"

#include <catch2/catch.hpp>

using namespace cordon::cli;
using Json = nlohmann::ordered_json;

TEST_CASE("an event is one line for people") {
  CHECK(event_line(Json::parse(R"({"id": 1, "time": "2026-01-31T12:00:00.123Z", "kind": "lost", "severity": "warning",
                                   "subject": {"actor": "uid:1", "job": "j"}, "detail": "gone"})")) ==
        "2026-01-31 12:00:00  warning   lost            actor=uid:1 job=j  gone");
}

TEST_CASE("what a job had a hand in does not reach a terminal raw", "[threat:terminal-escapes]") {
  const auto line = event_line(Json{{"time", "\x1b]0;x\x07"},
                                    {"kind", "a\nb"},
                                    {"severity", "\x1b[2J"},
                                    {"subject", {{"j\x1b", "\r\n\t\x1b[31m"}}},
                                    {"detail", "two\nlines\x9b"}});
  CHECK(line.find_first_of("\x1b\n\r\t\x07") == std::string::npos);
  CHECK(line.find("two\\nlines") != std::string::npos);
}

TEST_CASE("an event of another shape is shown, not believed") {
  CHECK_NOTHROW(event_line(Json::parse(R"({"id": 1, "time": 5, "subject": [1], "detail": null})")));
  CHECK_NOTHROW(event_line(Json::parse("[]")));
}
