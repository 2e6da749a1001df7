// Promise (api.md, "Command line"): `cordon run` exits as the tool did, else with the documented code.
#include <catch2/catch.hpp>

#include "cli/exit_code.hpp"

using cordon::cli::exit_code_of;
using cordon::cli::Json;
using cordon::cli::reason_of;

TEST_CASE("every kind of outcome has its documented exit code") {
  const auto [outcome, code] = GENERATE(table<const char*, int>({
      {R"({"kind":"exited","code":0})", 0},
      {R"({"kind":"exited","code":42})", 42},
      {R"({"kind":"exited","code":127,"error":{"step":"execve","errno":2}})", 127},
      {R"({"kind":"signalled","signal":11,"name":"SIGSEGV"})", 139},
      {R"({"kind":"timed_out","limit":"wall"})", 124},
      {R"({"kind":"out_of_memory"})", 137},
      {R"({"kind":"output_limit"})", 153},
      {R"({"kind":"cancelled"})", 130},
      {R"({"kind":"killed","scope":"all","by":"root","reason":"drill"})", 137},
      {R"({"kind":"denied","by":"policy","reason":"no"})", 125},
      {R"({"kind":"expired"})", 125},
      {R"({"kind":"invalid_output","errors":[]})", 125},
      {R"({"kind":"lost","reason":"the launcher died"})", 125},
      {R"({"kind":"setup_failed","step":"mount","object":"/proc","errno":1,"remedy":"x"})", 125},
  }));
  INFO(outcome);
  CHECK(exit_code_of(Json::parse(outcome)) == code);
}

TEST_CASE("an outcome without meaning is Cordon's failure, never success") {
  for (const char* outcome :
       {"null", "{}", R"({"kind":"new"})", R"({"kind":"exited"})", R"({"kind":"exited","code":"0"})"}) {
    INFO(outcome);
    CHECK(exit_code_of(Json::parse(outcome)) == 125);
  }
}

TEST_CASE("only a tool that ran and exited leaves nothing to say") {
  CHECK(reason_of(Json::parse(R"({"kind":"exited","code":3})")).empty());
  CHECK(reason_of(Json::parse(R"({"kind":"exited","code":127,"error":{"step":"execve","errno":2}})")) ==
        "the command could not be executed: execve: No such file or directory");
  CHECK(reason_of(Json::parse(R"({"kind":"signalled","signal":9,"name":"SIGKILL"})")) == "ended by signal 9 (SIGKILL)");
  CHECK(reason_of(Json::parse(R"({"kind":"timed_out","limit":"cpu"})")) == "timed out: the cpu time limit was reached");
  CHECK_FALSE(reason_of(Json::parse("{}")).empty());
}

TEST_CASE("a reason never carries what would act on a terminal", "[threat:terminal-escapes]") {
  const auto reason = reason_of(Json{{"kind", "denied"}, {"by", "x\x1b[2J"}, {"reason", "a\nb"}});
  CHECK(reason == "denied by x\\x1b[2J (a\\nb)");
}
