// Promise (threats.md, "The control socket"): what a job or a client wrote reaches no log raw, and no line is forged.
#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

// From cordond's first word on: what the shell says that starts it for a test is not its own.
std::vector<std::string> lines_of(const Instance& cordon) {
  std::istringstream text(read_text(cordon.directory() + "/cordond.log"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    if (!lines.empty() || line.starts_with("event=")) lines.push_back(line);
  }
  return lines;
}

bool is_visible(const std::string& line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

TEST_CASE("every job has one line at its end, and nothing that a job or client wrote is raw in the log",
          "[threat:terminal-escapes]") {
  const Instance cordon;
  const std::string hostile = "\x1b]0;owned\x07\nevent=job_end job=forged outcome=exited\r\n\xe2\x80\xae";
  cordon.run({{"argv", Json::array({"/nowhere" + hostile})}});
  cordon.run({{"argv", Json::array({"sh", "-c", "printf '%s' \"$0\"; printf '%s' \"$0\" >&2", hostile})},
              {"env", {{"X", hostile}}},
              {"labels", {{"task", hostile}}}});
  cordon.run({{"argv", Json::array({"sh", "-c", "mkdir -p \"$0\"; echo > \"$0/f\"", "d"})},
              {"collect", Json::array({"*/*"})}});
  cordon.get("/v1/jobs/" + std::string("%1b%5b2J%0aevent=forged"));
  const auto lines = lines_of(cordon);
  INFO(cordon.logs());
  CHECK(std::all_of(lines.begin(), lines.end(), is_visible));
  CHECK(std::all_of(lines.begin(), lines.end(), [](const std::string& line) { return line.starts_with("event="); }));
  const auto ends = std::count_if(lines.begin(), lines.end(),
                                  [](const std::string& line) { return line.starts_with("event=job_end job=0"); });
  CHECK(ends == 3);
  INFO(cordon.logs());
  CHECK(
      std::none_of(lines.begin(), lines.end(), [](const std::string& line) { return line.find("job=forged") == 14; }));
}

TEST_CASE("the line of a job's end says whose it was, how it ended, and what it used") {
  const Instance cordon;
  const auto job = cordon.run({{"argv", Json::array({"sh", "-c", "echo hello; exit 3"})}});
  const auto lines = lines_of(cordon);
  const auto line = std::find_if(lines.begin(), lines.end(), [&](const std::string& l) {
    return l.starts_with("event=job_end job=" + job.at("id").get<std::string>());
  });
  REQUIRE(line != lines.end());
  for (const char* part : {" actor=uid:0 ", " tenant=default ", " profile=default ", " image=host ", " outcome=exited ",
                           " wall_ms=", " cpu_ms=", " stdout_bytes=6 ", " stderr_bytes=0 ", " artifacts=0"}) {
    INFO(*line);
    CHECK(line->find(part) != std::string::npos);
  }
}
