// Bite (issue "Containment, proven", must show): what keeps two jobs apart, what ends a job with all that is its, and
// what keeps its artifacts its own.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/bite/wall.hpp"

using namespace cordon::bite;
using cordon::test::eventually;
using cordon::test::Instance;

namespace {

// What `second` says while `first` has said "set up" (or whatever it begins with) and runs.
std::string verdict_beside(const Instance& cordon, const Json& first, const std::string& begun, const Json& second) {
  const auto id = cordon.submit(first).at("id").get<std::string>();
  REQUIRE(eventually([&] { return cordon.get("/v1/jobs/" + id + "/stdout").body == begun; }));
  const auto job = cordon.run(second);
  cordon.remove("/v1/jobs/" + id);
  INFO(job.dump(2));
  return verdict(job);
}

// expect_bite() for two jobs.
void expect_bite_between(const Ground& ground, const Steps& steps, const Json& first, const std::string& begun,
                         const Json& second) {
  CHECK(verdict_beside(Instance(ground.config()), first, begun, second) == "held");
  const LeavingOut missing(ground.config());
  for (const auto step : steps) {
    missing.leave_out(with(all_but(steps, step), what_notices));
    CHECK(verdict_beside(missing.cordon(), first, begun, second) == "held");
  }
  missing.leave_out(with(steps, what_notices));
  CHECK(verdict_beside(missing.cordon(), first, begun, second) == "GOT THROUGH");
}

Json in_ground(const std::string& program, const std::string& how, const std::string& where) {
  return {{"image", "ground"}, {"argv", Json::array({"/bin/" + program, how, where})}};
}

std::string artifact_of(const Instance& cordon, const Json& job) {
  const auto report = cordon.run(job);
  INFO(report.dump(2));
  if (report.at("artifacts").empty()) return "held";
  const auto id = report.at("id").get<std::string>();
  return cordon.get("/v1/jobs/" + id + "/artifacts/link").body;
}

}  // namespace

TEST_CASE("a job does not see another's lock on a file of their image: each has its own view of it",
          "[bite][threat:page-cache]") {
  const Ground ground;
  expect_bite_between(ground, {Step::image_view}, over("hold-lock", "/open"), "set up\n", over("lock", "/open"));
}

TEST_CASE("two jobs do not meet at a FIFO of their image by their own views of it and by Landlock, each alone",
          "[bite][threat:page-cache]") {
  const Ground ground;
  ground.image().node("fifo", S_IFIFO | 0666);
  ground.image().program("bin/meet_at_fifo", "meet_at_fifo", 0755);
  const auto listener = in_ground("meet_at_fifo", "listen", "/fifo");
  expect_bite_between(ground, {Step::image_view, Step::landlock}, listener, "listening\n",
                      in_ground("meet_at_fifo", "speak", "/fifo"));
}

TEST_CASE("a job does not see how many pipes another has: no two live jobs have one uid", "[bite][threat:shared-ipc]") {
  const Ground ground;
  auto filler = over("fill-pipes");
  filler["limits"] = {{"open_files", 4096}};
  expect_bite_between(ground, {Step::unique_uid}, filler, "set up\n", over("pipes"));
}

TEST_CASE("daemons die with their job by cgroup.kill and by the pid namespace, each alone",
          "[bite][threat:cgroup-kill]") {
  const Ground ground;
  ground.image().program("bin/daemons", "daemons", 0755);
  const Json job{{"image", "ground"}, {"argv", Json::array({"/bin/daemons", "leave"})}};
  const auto exited = Json({{"kind", "exited"}, {"code", 0}});
  CHECK(Instance(ground.config()).run(job).at("outcome") == exited);
  const LeavingOut missing(ground.config());
  for (const auto step : {Step::cgroup_kill, Step::pid_namespace}) {
    missing.leave_out(with({step}, what_notices));
    CHECK(missing.cordon().run(job).at("outcome") == exited);
  }
  missing.leave_out(with({Step::cgroup_kill, Step::pid_namespace}, what_notices));
  CHECK(missing.cordon().run(job).at("outcome").at("kind") == "lost");
}

TEST_CASE("a link in the scratch gives no file of root's: by the collector's openings and by its rights, each alone",
          "[bite][threat:followed-path]") {
  const Ground ground;
  const auto secret = ground.image().outside() / "of-root";
  std::ofstream(secret) << "of root\n";
  std::filesystem::permissions(secret, std::filesystem::perms(0600));
  const Json job{{"argv", Json::array({"ln", "-s", secret.string(), "link"})}, {"collect", Json::array({"link"})}};
  CHECK(artifact_of(Instance(ground.config()), job) == "held");
  const LeavingOut missing(ground.config());
  for (const auto step : {Step::collector_links, Step::collector_rights}) {
    missing.leave_out(with({step}, what_notices));
    CHECK(artifact_of(missing.cordon(), job) == "held");
  }
  missing.leave_out(with({Step::collector_links, Step::collector_rights}, what_notices));
  CHECK(artifact_of(missing.cordon(), job) == "of root\n");
}
