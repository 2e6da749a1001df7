// Promise (architecture.md, law 3; issue "Containment, proven", 6): whatever does not want to die dies with its job. It
// is tried for each way in which a job ends, and each time: nothing of the job is alive when the answer comes, its
// pipes are closed, the answer comes within a second, the report says how it ended, and the machine is as it was.
#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;
using Clock = std::chrono::steady_clock;

namespace {

const char* const all_profiles[] = {"default", "compile", "strict", "root-inside"};
const double bound_ms = 1000 * slowness();

enum class Way { exits, reaches_its_wall_limit, is_cancelled };
constexpr Way all_ways[] = {Way::exits, Way::reaches_its_wall_limit, Way::is_cancelled};

const char* name(Way way) {
  switch (way) {
    case Way::exits:
      return "exits";
    case Way::reaches_its_wall_limit:
      return "reaches its wall limit";
    case Way::is_cancelled:
      return "is cancelled";
  }
  return "";
}

struct Ended {
  Json job;
  double answered_ms;     // from its end, its limit or the request to cancel it
  std::size_t survivors;  // processes of any job at the moment of the answer
};

double since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

Ended cancel_when_set_up(const Instance& cordon, const Json& wish) {
  const auto id = cordon.submit(wish).at("id").get<std::string>();
  REQUIRE(eventually([&] { return cordon.get("/v1/jobs/" + id + "/stdout").body.starts_with("set up\n"); }));
  const auto begin = Clock::now();
  const auto answer = cordon.remove("/v1/jobs/" + id);
  const auto took = since(begin);
  REQUIRE(answer.status == 200);
  return {answer.json(), took, job_processes(cordon.whose()).size()};
}

double ran_ms(const Json& job) {
  return job.at("timings").at("run").get<double>();
}

Ended end_it(const Instance& cordon, Json wish, Way way) {
  wish["timings"] = true;
  if (!wish["limits"].contains("wall_ms")) wish["limits"]["wall_ms"] = 30'000;
  if (way == Way::is_cancelled) return cancel_when_set_up(cordon, wish);
  if (way == Way::exits) wish["argv"].push_back("leave");
  const auto begin = Clock::now();
  auto job = cordon.run(wish);
  // What its tool took until it ended is its own; starting it is counted against us.
  const auto took = since(begin) - ran_ms(job);
  return {std::move(job), took, job_processes(cordon.whose()).size()};
}

Json expected_outcome(Way way) {
  if (way == Way::exits) return {{"kind", "exited"}, {"code", 0}};
  if (way == Way::is_cancelled) return {{"kind", "cancelled"}};
  return {{"kind", "timed_out"}, {"limit", "wall"}};
}

bool was_cut(const Json& job) {
  for (const auto& denial : job.at("denials"))
    if (denial.at("control") == "output") return true;
  return false;
}

void must_be_dead(const Ended& ended, Way way) {
  const auto kill_ms = ended.job.at("timings").at("kill").get<double>();
  INFO("answered " << ended.answered_ms << " ms after its end, killed in " << kill_ms << " ms\n" << ended.job.dump(2));
  CHECK(ended.job.at("outcome") == expected_outcome(way));
  CHECK(ended.job.at("stdout").get<std::string>().starts_with("set up\n"));
  CHECK(ended.survivors == 0);
  CHECK_FALSE(was_cut(ended.job));
  CHECK(kill_ms < bound_ms);
  CHECK(ended.answered_ms < bound_ms);
}

// The time is part of what is to be shown, also when it is within its bound.
void print(const Json& wish, Way way, const Ended& ended) {
  std::cout << wish.at("argv").at(0).get<std::string>() << " (" << ended.job.at("profile").get<std::string>() << ") "
            << name(way) << ": killed in " << ended.job.at("timings").at("kill") << " ms, answered after "
            << ended.answered_ms << " ms\n";
}

// In every way under the default profile, and cancelled under the others that let it happen. How long it takes to set
// up what it is about is the machine's: its wall limit is twice what it ran when it left by itself, and some more.
void must_die_with_its_job(const Json& wish, std::initializer_list<const char*> profiles) {
  const Instance cordon;
  cordon.run({{"argv", Json::array({"true"})}});
  const auto before = cordon.counts_at_rest();
  int wall_ms = 0;
  for (const std::string profile : profiles) {
    for (const auto way : all_ways) {
      if (profile != "default" && way != Way::is_cancelled) continue;
      auto job = wish;
      job["profile"] = profile;
      if (way == Way::reaches_its_wall_limit) job["limits"]["wall_ms"] = wall_ms;
      INFO(profile << ", " << job.at("argv").dump() << " " << name(way));
      const auto ended = end_it(cordon, job, way);
      must_be_dead(ended, way);
      if (way == Way::exits) wall_ms = 500 * slowness() + 2 * static_cast<int>(ran_ms(ended.job));
      CHECK(cordon.counts_settled_at(before) == before);
      print(job, way, ended);
    }
  }
}

const Json* denial(const Json& job, const std::string& control) {
  for (const auto& item : job.at("denials"))
    if (item.at("control") == control) return &item;
  return nullptr;
}

}  // namespace

TEST_CASE("daemons that left their session die with their job", "[threat:cgroup-kill]") {
  must_die_with_its_job(probe("daemons"), {"default", "compile", "strict", "root-inside"});
}

TEST_CASE("children that are stopped die with their job", "[threat:cgroup-kill]") {
  must_die_with_its_job(probe("stopped_children"), {"default", "compile", "strict", "root-inside"});
}

TEST_CASE("a vfork child that never executes dies with its job, and so does its sleeping parent",
          "[threat:cgroup-kill]") {
  must_die_with_its_job(probe("vfork_forever"), {"default", "compile", "strict", "root-inside"});
}

TEST_CASE("processes that ignore and block every signal die with their job", "[threat:cgroup-kill]") {
  must_die_with_its_job(probe("deaf"), {"default", "compile", "strict", "root-inside"});
}

TEST_CASE("processes that sleep in the kernel, in a FIFO's open among others, die with their job",
          "[threat:cgroup-kill]") {
  must_die_with_its_job(probe("blocked"), {"default", "compile"});
}

TEST_CASE("processes that fork their successors as fast as they can die with their job", "[threat:cgroup-kill]") {
  auto wish = probe("refork");
  wish["limits"] = {{"pids", 30}};
  must_die_with_its_job(wish, {"default", "compile", "strict", "root-inside"});
}

TEST_CASE("processes with much memory die with their job as fast as others", "[threat:cgroup-kill]") {
  auto wish = probe("much_memory");
  wish["limits"] = {{"memory_bytes", 400 << 20}};
  must_die_with_its_job(wish, {"default", "compile", "strict", "root-inside"});
}

TEST_CASE("standard output that only a knot of sockets still holds does not hold up the answer",
          "[threat:cgroup-kill]") {
  must_die_with_its_job(probe("in_flight"), {"default", "compile"});
}

TEST_CASE("who tries for 100,000 threads gets its pids limit, and all of them die with their job",
          "[threat:cgroup-kill][threat:bombs]") {
  auto wish = probe("many_threads");
  wish["limits"] = {{"pids", 200}, {"memory_bytes", 256 << 20}};
  must_die_with_its_job(wish, {"default", "compile"});
  const Instance cordon;
  const auto job = end_it(cordon, wish, Way::is_cancelled).job;
  INFO(job.dump(2));
  CHECK(job.at("stdout") == "set up\n199 threads\n");
  REQUIRE(denial(job, "pids") != nullptr);
  CHECK(denial(job, "pids")->at("count").get<int>() >= 500);
}

TEST_CASE("who tries for 2,000 processes gets its pids limit, and all of them die with their job",
          "[threat:cgroup-kill][threat:bombs]") {
  auto wish = probe("many_processes");
  wish["limits"] = {{"pids", 250}};
  must_die_with_its_job(wish, {"default", "compile"});
  const Instance cordon;
  const auto job = end_it(cordon, wish, Way::exits).job;
  INFO(job.dump(2));
  CHECK(job.at("stdout") == "set up\n249 processes\n");
  REQUIRE(denial(job, "pids") != nullptr);
  CHECK(denial(job, "pids")->at("count").get<int>() == 2000 - 249);
}

TEST_CASE("two thousand processes that a limit allows die within a second too", "[threat:cgroup-kill]") {
  const Instance cordon;
  auto wish = probe("many_processes");
  wish["profile"] = "compile";
  wish["limits"] = {{"pids", 2048}, {"memory_bytes", 1 << 30}};
  for (const auto way : {Way::exits, Way::is_cancelled}) {
    const auto ended = end_it(cordon, wish, way);
    must_be_dead(ended, way);
    CHECK(ended.job.at("stdout") == "set up\n2000 processes\n");
    print(wish, way, ended);
  }
}

// Left to their share, 300 processes need some seconds to die.
TEST_CASE("a job with almost no processor time is killed as fast as others", "[threat:cgroup-kill]") {
  const Instance cordon;
  auto wish = probe("many_processes");
  wish["limits"] = {{"pids", 300}, {"cpus", 0.02 * slowness()}, {"wall_ms", 60000}};
  const auto ended = end_it(cordon, wish, Way::exits);
  must_be_dead(ended, Way::exits);
  CHECK(ended.job.at("stdout") == "set up\n299 processes\n");
  print(wish, Way::exits, ended);
}

TEST_CASE("no tool traces another or is traced, so that none is stopped by a tracer", "[threat:cgroup-kill]") {
  const Instance cordon;
  for (const char* profile : all_profiles) {
    auto wish = probe("trace_a_child");
    wish["profile"] = profile;
    const auto job = cordon.run(wish);
    INFO(profile << job.dump(2));
    CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
    CHECK(job.at("stdout") == "held: PTRACE_TRACEME\nheld: PTRACE_ATTACH to a child\nheld: PTRACE_SEIZE of a child\n");
  }
}

TEST_CASE("a job that is cancelled while it starts is gone as fast", "[threat:cgroup-kill]") {
  const Instance cordon;
  cordon.run({{"argv", Json::array({"true"})}});
  const auto before = cordon.counts_at_rest();
  for (int round = 0; round < 20; ++round) {
    const auto id = cordon.submit(probe("refork")).at("id").get<std::string>();
    const auto begin = Clock::now();
    const auto answer = cordon.remove("/v1/jobs/" + id);
    const auto took = since(begin);
    INFO(answer.body);
    CHECK(answer.status == 200);
    CHECK(answer.json().at("outcome").at("kind") == "cancelled");
    CHECK(took < bound_ms);
    CHECK(job_processes(cordon.whose()).empty());
  }
  CHECK(cordon.counts_settled_at(before) == before);
}
