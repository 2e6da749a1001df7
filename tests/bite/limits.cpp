// Bite (issue "Containment, proven", must show): without one limit, a job would have more. What is left out is the
// limit's size; a wider one is always there.
#include <catch2/catch.hpp>

#include "tests/bite/wall.hpp"

using namespace cordon::bite;

namespace {

const std::string out_of_memory = R"({"kind":"out_of_memory"})";

Wall held_as(const std::string& verdict, Wall wall) {
  wall.held = verdict;
  return wall;
}

Json with_limits(Json job, const Json& limits) {
  job["limits"] = limits;
  return job;
}

constexpr int mib = 1 << 20;

}  // namespace

TEST_CASE("memory ends where its limit says", "[bite][threat:bombs]") {
  const Ground ground;
  expect_bite(ground, held_as(out_of_memory, {{Step::memory_limit},
                                              with_limits(over("memory", std::to_string(48 * mib)),
                                                          {{"memory_bytes", 32 * mib}, {"scratch_bytes", 4096}})}));
}

TEST_CASE("a job is in the cgroups that hold its limits", "[bite][threat:bombs]") {
  const Ground ground;
  const auto job = with_limits(over("processes", "30"), {{"pids", 16}});
  const bool is_hybrid =
      cordon::test::Instance(ground.config()).run(job).at("enforced").at("cgroup.layout") == "hybrid";
  if (is_hybrid) return expect_bite(ground, {{Step::cgroup_join}, job});
  const LeavingOut missing(ground.config());  // there clone3 puts it in: nothing can be left out of that
  missing.leave_out({Step::cgroup_join});
  CHECK(verdict(missing.cordon().run(job)) == "held");
}

TEST_CASE("processes end where their limit says", "[bite][threat:bombs]") {
  const Ground ground;
  expect_bite(ground, {{Step::pids_limit}, with_limits(over("processes", "30"), {{"pids", 16}})});
}

TEST_CASE("a job has the share of a processor that its limit says", "[bite][threat:cpu-hiding]") {
  const Ground ground;
  expect_bite(ground, {{Step::cpu_limit}, with_limits(over("processor"), {{"cpus", 0.05}})});
}

TEST_CASE("a job has the processor time that its limit says", "[bite][threat:cpu-hiding]") {
  const Ground ground;
  expect_bite(ground,
              held_as("timed out: cpu", {{Step::cpu_time_limit}, with_limits(over("spin", "0.6"), {{"cpu_ms", 200}})}));
}

TEST_CASE("a job has the time that its limit says", "[bite][threat:wall-tricks]") {
  const Ground ground;
  expect_bite(ground,
              held_as("timed out: wall", {{Step::wall_limit}, with_limits(over("sleep", "0.6"), {{"wall_ms", 200}})}));
}

TEST_CASE("the scratch has the bytes that its limit says", "[bite][threat:bombs]") {
  const Ground ground;
  expect_bite(ground, {{Step::scratch_bytes},
                       with_limits(over("file", std::to_string(8 * mib)), {{"scratch_bytes", 4 * mib}})});
}

TEST_CASE("the scratch has the files that its limit says", "[bite][threat:bombs]") {
  const Ground ground;
  expect_bite(ground, {{Step::scratch_inodes}, with_limits(over("files", "200"), {{"scratch_inodes", 100}})});
}

TEST_CASE("a file is as large as its limit says", "[bite][threat:bombs]") {
  const Ground ground;
  expect_bite(ground, {{Step::file_size}, with_limits(over("file", std::to_string(2 * mib)), {{"file_bytes", mib}})});
}

TEST_CASE("a process opens as many files as its limit says", "[bite][threat:bombs]") {
  const Ground ground;
  expect_bite(ground, {{Step::open_files}, with_limits(over("descriptor", "200"), {{"open_files", 100}})});
}

TEST_CASE("a tool's core limit is 1: no core handler is started for it", "[bite][threat:bombs]") {
  const Ground ground;
  expect_bite(ground, {{Step::core_limit}, over("core")});
}

TEST_CASE("a job is the first to go when memory is short", "[bite][threat:supervisor-starved]") {
  const Ground ground;
  expect_bite(ground, {{Step::oom_score}, over("oom-score")});
}
