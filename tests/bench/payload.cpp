// What the bytes cost that go into a job and come out of it.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/bench/client.hpp"
#include "tests/bench/program.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/scratch.hpp"
#include "tests/bench/warm.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;

namespace {

constexpr std::uint64_t kib = 1024, mib = 1024 * kib;

// The same shell command outside and as a job, with what the job takes in and gives out besides.
struct Cargo {
  std::string name;
  std::string command;  // after `cd`; $1 is another number each time, so that no two contents are the same
  Json with;            // the rest of the job
  int times;
};

Json room_for(std::uint64_t bytes) {
  return {{"scratch_bytes", bytes + 8 * mib}, {"file_bytes", bytes + mib}, {"memory_bytes", bytes + 64 * mib}};
}

Cargo output(const std::string& size, std::uint64_t bytes) {
  return {size + " of output", fmt::format("echo $1; head -c {} /dev/zero | tr '\\0' x", bytes),
          Json{{"limits", {{"output_bytes", bytes + kib}}}}, 40};
}

Cargo artifact(const std::string& size, std::uint64_t bytes, int times) {
  return {"an artifact of " + size, fmt::format("{{ echo $1; head -c {} /dev/zero; }} >out", bytes),
          Json{{"collect", {"out"}}, {"limits", room_for(bytes)}}, times};
}

Cargo many_artifacts(unsigned files) {
  return {fmt::format("{} artifacts of 1 KiB", files),
          fmt::format("i=0; while [ $i -lt {} ]; do printf '%1024s' $1.$i >out$i; i=$((i+1)); done", files),
          Json{{"collect", {"out*"}}}, 20};
}

Cargo upload(const std::string& size, std::uint64_t bytes) {
  const Json file{{"path", "in"}, {"content", std::string(bytes, 'x')}};
  return {"an upload of " + size, ": $1", Json{{"files", Json::array({file})}}, 40};
}

std::vector<Cargo> cargoes() {
  return {{"nothing", ": $1", Json::object(), 60},
          output("1 MiB", mib),
          artifact("64 KiB", 64 * kib, 40),
          artifact("1 MiB", mib, 40),
          artifact("16 MiB", 16 * mib, 20),
          artifact("128 MiB", 128 * mib, 8),
          many_artifacts(16),
          many_artifacts(256),
          upload("64 KiB", 64 * kib),
          upload("1 MiB", mib),
          upload("8 MiB", 8 * mib)};
}

void measure(const Cargo& cargo, const Instance& cordon, const Scratch& scratch) {
  Client client(cordon.agent_socket());
  auto job = cargo.with;
  job["wait"] = true;
  Samples without, as_job;
  for (int time = 0; time < cargo.times; ++time) {
    const auto number = fmt::format("{}.{}", cargo.name, time);
    const auto program = bare({"sh", "-c", "cd " + scratch.path() + "; " + cargo.command, "sh", number});
    without.time([&] { run(program); });
    job["argv"] = {"sh", "-c", cargo.command, "sh", number};
    const auto body = job.dump();
    as_job.time([&] { client.run(body); });
  }
  print_row("bare, " + cargo.name, without, without);
  print_row("a job, " + cargo.name, as_job, without);
}

}  // namespace

TEST_CASE("payload") {
  const Instance cordon(warm());
  const Scratch scratch("256m");
  print_heading(
      "Bytes in and out",
      "`sh` that writes so much, outside into a tmpfs and as a job through the API, with what the job brings or "
      "leaves: output and uploads are part of the request's JSON, artifacts are hashed and stored. In turns.");
  for (const auto& cargo : cargoes()) measure(cargo, cordon, scratch);
}
