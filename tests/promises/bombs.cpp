// Promise (issue "The main job", must show): each bomb is ended or refused as api.md says within a second of its limit,
// while a second job runs unharmed.
#include <catch2/catch.hpp>
#include <chrono>

#include "tests/promises/instance.hpp"

using namespace cordon::test;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int wall_ms = 2000;  // of those that go on until then; the others get the time to reach another limit

const Json* denial(const Json& job, const std::string& control) {
  for (const auto& item : job.at("denials")) {
    if (item.at("control") == control) return &item;
  }
  return nullptr;
}

// A job that works for a while and must not notice anything.
class Neighbour {
 public:
  explicit Neighbour(const Instance& cordon) : cordon_(cordon) {
    Json wish{{"argv", Json::array({"python3", "-c",
                                    "import time\nfor i in range(20): print(i, flush=True); time.sleep(0.05)"})}};
    id_ = cordon.submit(wish).at("id").get<std::string>();
    cordon.reaches(id_, "running");
  }
  void must_be_unharmed() const {
    const auto job = cordon_.finished(id_);
    INFO(job.dump(2));
    CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
    CHECK(job.at("stdout").get<std::string>().ends_with("19\n"));
  }

 private:
  const Instance& cordon_;
  std::string id_;
};

Json with_limits(Json wish, const Json& limits) {
  wish["limits"] = {{"wall_ms", wall_ms * slowness()},
                    {"pids", 32},
                    {"memory_bytes", 128 << 20},
                    {"scratch_bytes", 32 << 20},
                    {"scratch_inodes", 1000}};
  wish["limits"].update(limits);
  return wish;
}

Json run_beside_a_neighbour(const Json& wish) {
  const Instance cordon;
  const Neighbour neighbour(cordon);
  const int limit_ms = wish.at("limits").at("wall_ms");
  const auto begin = Clock::now();
  auto job = cordon.run(wish);
  const auto took = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  INFO("took " << took << " ms");
  CHECK(took < limit_ms + 1500 * slowness());  // starting it is not part of its limit
  CHECK(job.at("usage").at("wall_ms").get<double>() < limit_ms + 1000 * slowness());
  neighbour.must_be_unharmed();
  return job;
}

}  // namespace

TEST_CASE("a fork bomb is held at its pids limit and ended at its wall limit", "[threat:bombs]") {
  const auto job = run_beside_a_neighbour(with_limits(probe("fork_bomb"), {{"wall_ms", wall_ms}}));
  INFO(job.dump(2));
  CHECK(job.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "wall"}}));
  REQUIRE(denial(job, "pids") != nullptr);
  CHECK(denial(job, "pids")->at("count").get<std::uint64_t>() > 0);
  if (job.at("usage").at("pids_peak").is_number()) CHECK(job.at("usage").at("pids_peak").get<int>() <= 32);
}

TEST_CASE("the pids limit is exact", "[threat:bombs]") {
  const auto job = run_beside_a_neighbour(with_limits(probe("fork_bomb", {"bounded"}), {{"pids", 17}}));
  INFO(job.at("outcome").dump() << job.at("stdout"));
  CHECK(job.at("outcome").at("code") == 0);
  CHECK(job.at("stdout").get<std::string>().starts_with("16 "));  // and the process that forks
}

TEST_CASE("a memory bomb is out of memory, whatever memory it takes", "[threat:bombs]") {
  for (const char* how : {"private", "shared", "processes"}) {
    const auto job = run_beside_a_neighbour(with_limits(probe("memory_bomb", {how}), {{"memory_bytes", 64 << 20}}));
    INFO(how << job.dump(2));
    CHECK(job.at("outcome") == Json({{"kind", "out_of_memory"}}));
  }
}

TEST_CASE("a disk bomb gets its scratch and no byte more", "[threat:bombs]") {
  const auto job = run_beside_a_neighbour(with_limits(probe("disk_bomb"), {{"scratch_bytes", 8 << 20}}));
  INFO(job.dump(2));
  CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  const auto had = std::stoll(job.at("stdout").get<std::string>());
  CHECK(had <= 8 << 20);
  CHECK(had > 6 << 20);
  CHECK(denial(job, "scratch") != nullptr);
}

TEST_CASE("an inode bomb gets its inodes and no more", "[threat:bombs]") {
  const auto job = run_beside_a_neighbour(with_limits(probe("inode_bomb"), {{"scratch_inodes", 500}}));
  INFO(job.dump(2));
  CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(std::stoi(job.at("stdout").get<std::string>()) <= 500);
  CHECK(std::stoi(job.at("stdout").get<std::string>()) > 400);
}

TEST_CASE("an output flood is cut, and ended at its wall limit", "[threat:output-flood]") {
  for (const char* stream : {"stdout", "stderr"}) {
    const auto job = run_beside_a_neighbour(
        with_limits(probe("output_flood", {stream}), {{"wall_ms", wall_ms}, {"output_bytes", 5000}}));
    CHECK(job.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "wall"}}));
    CHECK(job.at(stream).get<std::string>().size() == 5000);
    CHECK(job.at(std::string(stream) + "_bytes").get<std::uint64_t>() > 5000);
  }
}

TEST_CASE("a cpu spin is ended at its cpu limit", "[threat:cpu-hiding]") {
  const auto job = run_beside_a_neighbour(with_limits(probe("cpu_spin", {"2"}), {{"cpu_ms", 500}}));
  CHECK(job.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "cpu"}}));
}

TEST_CASE("open files and file size stop where the limits say", "[threat:bombs]") {
  const Instance cordon;
  auto files = probe("fd_bomb");
  files["limits"]["open_files"] = 40;
  CHECK(cordon.run(files).at("stdout") == "40\n");
  auto size = probe("file_bomb");
  size["limits"]["file_bytes"] = 1 << 20;
  const auto job = cordon.run(size);
  CHECK(job.at("outcome").at("code") == 0);
  CHECK(job.at("stdout").get<std::string>().starts_with("1048576 "));
}
