#include <catch2/catch.hpp>

#include "supervisor/jobs/outcome.hpp"

using namespace cordon;

namespace {

std::string judged(const Ending& ending, HangUp why = HangUp::no) {
  return to_json(judge(ending, {why, {"tenant/a", "uid:0", "why"}})).dump();
}

}  // namespace

TEST_CASE("every ending has its outcome") {
  CHECK(judged(Exited{3}) == R"({"kind":"exited","code":3})");
  CHECK(judged(ExecFailed{127, "exec", 2}) ==
        R"({"kind":"exited","code":127,"error":{"step":"exec","errno":2,"errno_name":"ENOENT"}})");
  CHECK(judged(Signalled{9}) == R"({"kind":"signalled","signal":9,"name":"SIGKILL"})");
  CHECK(judged(TimedOut{TimeLimit::wall}) == R"({"kind":"timed_out","limit":"wall"})");
  CHECK(judged(TimedOut{TimeLimit::cpu}) == R"({"kind":"timed_out","limit":"cpu"})");
  CHECK(judged(OutOfMemory{}) == R"({"kind":"out_of_memory"})");
  CHECK(judged(SetupFailed{"mount", "/x", 1, "be root"}) ==
        R"({"kind":"setup_failed","step":"mount","object":"/x","errno":1,"errno_name":"EPERM","remedy":"be root"})");
  CHECK(judged(Stopped{"uid:0", "why"}) == R"({"kind":"killed","scope":"all","by":"uid:0","reason":"why"})");
  CHECK(kind(judge(Hanging{}, {})) == "lost");
  CHECK(judged(Vanished{"pid 1 was killed"}) == R"({"kind":"lost","reason":"pid 1 was killed"})");
}

TEST_CASE("what we closed is what we closed it for") {
  CHECK(judged(HungUp{}, HangUp::cancelled) == R"({"kind":"cancelled"})");
  CHECK(judged(HungUp{}, HangUp::output_limit) == R"({"kind":"output_limit"})");
  CHECK(judged(Stale{}, HangUp::cancelled) == R"({"kind":"cancelled"})");
  CHECK(judged(HungUp{}, HangUp::killed) == R"({"kind":"killed","scope":"tenant/a","by":"uid:0","reason":"why"})");
}

TEST_CASE("a lifeline that nobody of ours closed is a lost job, never an exit code", "[threat:lost-as-success]") {
  CHECK(kind(judge(HungUp{}, {})) == "lost");
}

TEST_CASE("a tool that ended before the cancellation reached it keeps its exit code") {
  CHECK(judged(Exited{0}, HangUp::cancelled) == R"({"kind":"exited","code":0})");
  CHECK(judged(TimedOut{}, HangUp::cancelled) == R"({"kind":"timed_out","limit":"wall"})");
}

TEST_CASE("a flood that was to be killed is an output_limit, however quickly it ended") {
  CHECK(judged(Exited{0}, HangUp::output_limit) == R"({"kind":"output_limit"})");
  CHECK(judged(Signalled{13}, HangUp::output_limit) == R"({"kind":"output_limit"})");
  CHECK(judged(OutOfMemory{}, HangUp::output_limit) == R"({"kind":"out_of_memory"})");
}

TEST_CASE("signals and errnos have names") {
  CHECK(signal_name(11) == "SIGSEGV");
  CHECK(signal_name(34) == "SIGRTMIN+0");
  CHECK(signal_name(64) == "SIGRTMIN+30");
  CHECK(errno_name(12) == "ENOMEM");
  CHECK(errno_name(100000) == "100000");
}
