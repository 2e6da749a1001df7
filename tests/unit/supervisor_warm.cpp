// Warm sandboxes, on real sockets, with a launcher that only plays.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "supervisor/warm/warm_pool.hpp"
#include "tests/unit/supervisor_instance.hpp"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr auto two_warm = R"("warm": {"default": {"min": 2, "max": 4}})";
constexpr auto one_python =
    R"("warm": {"default": {"min": 1, "max": 1, "prestart": {"python": {"min": 1, "max": 1}}}})";
constexpr auto python = R"({"argv": ["python3", "-c", "x"], "timings": true, "wait": true})";
constexpr auto say = R"({"argv": ["say", "x"], "timings": true, "wait": true})";

template <typename Condition>
bool eventually(Condition holds) {
  for (int tries = 0; tries < 2000; ++tries) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

int ready(const Instance& instance) {
  const auto warm = instance.operator_().get("/v1/info").json().at("warm");
  int count = 0;
  for (const auto& kind : warm) count += kind.at("ready").get<int>();
  return count;
}

// As cordond and the launcher see it.
bool stands(Instance& instance, int count) {
  return eventually([&] { return instance.launcher().idle() == count && ready(instance) == count; });
}

double metric(const Instance& instance, const std::string& sample) {
  const auto text = instance.operator_().get("/metrics").body;
  const auto at = text.find("\n" + sample + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + sample.size() + 2));
}

std::string kind(const Json& job) {
  return job.at("outcome").at("kind");
}

}  // namespace

TEST_CASE("a job takes the sandbox that stands longest, and it is replaced behind the answer") {
  Instance instance(two_warm);
  REQUIRE(stands(instance, 2));
  const auto job = instance.agent().post(say).json();
  CHECK(job.at("stdout") == "x");
  CHECK(job.at("warm") == true);
  REQUIRE(stands(instance, 2));
  CHECK(instance.agent().post(say).json().at("warm") == true);
  REQUIRE(stands(instance, 2));
  CHECK(instance.launcher().serials() == std::vector<int>{1, 2});
  CHECK(instance.launcher().prepared() == 4);
  CHECK(metric(instance, R"(cordon_warm_hits_total{profile="default",prestart="none"})") == 2);
  CHECK(metric(instance, R"(cordon_warm_misses_total{profile="default",prestart="none"})") == 0);
  CHECK(metric(instance, R"(cordon_warm_sandboxes{profile="default",prestart="none",state="ready"})") == 2);
  CHECK(metric(instance, R"(cordon_warm_age_seconds_count{profile="default",prestart="none"})") == 2);
}

TEST_CASE("what the profile decided and what the job decided are reported alike, warm or cold") {
  Instance warm(two_warm), cold;
  REQUIRE(stands(warm, 2));
  const auto one = warm.agent().post(say).json(), other = cold.agent().post(say).json();
  CHECK(one.at("warm") == true);
  CHECK(other.at("warm") == false);
  CHECK(one.at("enforced") == other.at("enforced"));
  CHECK(one.at("enforced").dump().starts_with(R"({"seccomp":"2","limits.pids":"64","seccomp.sha256":")"));
  CHECK(one.at("timings").contains("idle"));
  CHECK(metric(warm, R"(cordon_job_launch_seconds_sum{profile="default",outcome="exited"})") == Approx(0.000050));
  CHECK(metric(cold, R"(cordon_job_launch_seconds_sum{profile="default",outcome="exited"})") == Approx(0.000300));
}

TEST_CASE("a job that an interpreter may take is given to one that waits, and any other to a sandbox without") {
  Instance instance(one_python);
  REQUIRE(stands(instance, 2));
  CHECK(instance.agent().post(say).json().at("prestart").is_null());
  CHECK(instance.launcher().last_preparation().prestart.empty());
  REQUIRE(stands(instance, 2));
  const auto job = instance.agent().post(python).json();
  CHECK(job.at("stdout") == "x");
  CHECK(job.at("warm") == true);
  CHECK(job.at("prestart") == "python");
  CHECK(instance.launcher().last_preparation().prestart == "python");
  CHECK(metric(instance, R"(cordon_warm_hits_total{profile="default",prestart="python"})") == 1);
  CHECK(metric(instance, R"(cordon_warm_hits_total{profile="default",prestart="none"})") == 1);
}

TEST_CASE("a job that the interpreter declines is run by a sandbox without, once, and that is no failure") {
  Instance instance(one_python);
  REQUIRE(stands(instance, 2));
  instance.launcher().decline(1);
  const auto job = instance.agent().post(python).json();
  CHECK(job.at("stdout") == "x");
  CHECK(job.at("warm") == true);
  CHECK(job.at("prestart").is_null());
  CHECK(instance.launcher().jobs_started() == 1);
  CHECK(metric(instance, R"(cordon_warm_declined_total{profile="default",prestart="python"})") == 1);
  CHECK(metric(instance, R"(cordon_warm_hits_total{profile="default",prestart="none"})") == 1);
  REQUIRE(stands(instance, 2));
  CHECK(instance.agent().post(python).json().at("prestart") == "python");
}

TEST_CASE("more jobs than sandboxes: the others start cold") {
  Instance instance(two_warm);
  REQUIRE(stands(instance, 2));
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(instance.submit(R"({"argv": ["hold"]})"));
  CHECK(eventually([&] { return instance.launcher().jobs_alive() == 4; }));
  CHECK(stands(instance, 4));  // that was much at once
  for (const auto& id : ids) CHECK(kind(instance.agent().call("DELETE", "/v1/jobs/" + id).json()) == "cancelled");
  auto serials = instance.launcher().serials();
  std::sort(serials.begin(), serials.end());
  CHECK(std::unique(serials.begin(), serials.end()) == serials.end());
}

TEST_CASE("sandboxes that end while they stand are replaced, and no job is lost with them") {
  Instance instance(two_warm);
  REQUIRE(stands(instance, 2));
  instance.launcher().end_idle();
  CHECK(kind(instance.agent().post(say).json()) == "exited");  // whether that was noticed yet or not
  CHECK(instance.launcher().jobs_started() == 1);
  CHECK(stands(instance, 2));
}

TEST_CASE("an order that its sandbox never read goes to the next, and is run once") {
  Instance instance(two_warm);
  SECTION("warm ones, all of them") {
    REQUIRE(stands(instance, 2));
    instance.launcher().leave_unread(2);
  }
  SECTION("a cold one") {
    instance.write_config(R"("warm": {})");
    REQUIRE(instance.operator_().call("POST", "/v1/reload").status == 200);
    REQUIRE(eventually([&] { return instance.launcher().idle() == 0; }));
    instance.launcher().leave_unread(1);
  }
  const auto job = instance.agent().post(say).json();
  CHECK(kind(job) == "exited");
  CHECK(job.at("stdout") == "x");
  CHECK(instance.launcher().jobs_started() == 1);
}

TEST_CASE("an order that was read and never answered is lost: nobody knows whether it ran",
          "[threat:lost-as-success]") {
  Instance instance(two_warm);
  REQUIRE(stands(instance, 2));
  CHECK(kind(instance.agent().post(R"({"argv": ["go-deaf"], "wait": true})").json()) == "lost");
  CHECK(instance.launcher().jobs_started() == 1);
}

TEST_CASE("what cannot be prepared is not tried in a loop, and jobs are told the reason themselves") {
  Instance instance(two_warm);
  REQUIRE(stands(instance, 2));
  instance.launcher().refuse_to_prepare(true);
  const auto before = instance.launcher().prepared();
  for (int i = 0; i < 2; ++i) CHECK(kind(instance.agent().post(say).json()) == "exited");
  const auto job = instance.agent().post(say).json();
  CHECK(kind(job) == "setup_failed");
  CHECK(job.at("outcome").at("remedy") == "be root");
  CHECK(instance.launcher().prepared() - before <= 4);
  instance.launcher().refuse_to_prepare(false);
  CHECK(kind(instance.agent().post(say).json()) == "exited");
  CHECK(eventually([&] { return ready(instance) >= 2; }));  // after a pause
}

TEST_CASE("a launcher that went away takes its sandboxes with it, and the next has new ones") {
  Instance instance(two_warm);
  REQUIRE(stands(instance, 2));
  instance.restart_launcher();
  REQUIRE(stands(instance, 2));
  CHECK(instance.agent().post(say).json().at("warm") == true);
}

TEST_CASE("a reload drops what belongs to no profile in force, and fills up with what does") {
  Instance instance(two_warm);
  REQUIRE(stands(instance, 2));
  const auto file = instance.dir() + "/profiles/default.json";
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  std::ofstream(file) << text.replace(text.find("for tests"), 9, "for more");
  REQUIRE(instance.operator_().call("POST", "/v1/reload").status == 200);
  REQUIRE(eventually([&] { return instance.launcher().prepared() >= 4; }));
  REQUIRE(stands(instance, 2));
  const auto job = instance.agent().post(say).json();
  CHECK(job.at("warm") == true);
  CHECK(hex(instance.launcher().last_preparation().profile) == job.at("profile_sha256"));
  CHECK(instance.launcher().serials().front() > 2);
}

TEST_CASE("a kill switch that is engaged while a warm sandbox is about to start has the job decided about again",
          "[threat:kill-latch]") {
  Instance instance(two_warm);
  REQUIRE(stands(instance, 2));
  const auto id = instance.submit(R"({"argv": ["wait-for-latch"]})");
  REQUIRE(eventually([&] { return instance.launcher().jobs_alive() == 1; }));
  auto operator_ = instance.operator_();
  operator_.send(
      "PUT /v1/kill/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
      R"({"reason": "r"})");
  CHECK(operator_.answer()->status == 200);
  CHECK(kind(instance.finished(id)) == "killed");
  const auto refused = instance.agent().post(say);
  CHECK(refused.status == 403);
  CHECK(instance.launcher().jobs_started() == 1);
  CHECK(instance.operator_().call("DELETE", "/v1/kill/all").status == 200);
  CHECK(instance.agent().post(say).json().at("warm") == true);
}

TEST_CASE("a host without room has none") {
  Instance instance(R"("warm": {"default": {"min": 2}}, "admission": {"host_reserve": {"memory_bytes": 1}})");
  REQUIRE(stands(instance, 2));
  instance.write_config(
      R"("warm": {"default": {"min": 2}}, "admission": {"host_reserve": {"memory_bytes": 1000000000000000}})");
  REQUIRE(instance.operator_().call("POST", "/v1/reload").status == 200);
  CHECK(stands(instance, 0));
}

TEST_CASE("the pool never needs ids that jobs could need") {
  Config config;
  config.warm = WarmRules{{"a", {2, 8, "host"}}};
  CHECK(most_warm(config) == 8);
  config.images["other"] = config.images["host"];
  CHECK(most_warm(config) == 16);
  config.warm = WarmRules{{"a", {2, 8, "host", {{"python", {1, 4}}}}}};  // of that image only
  CHECK(most_warm(config) == 20);
  config.images.erase("other");
  config.warm = WarmRules{{"a", {2, 8, "host"}}};
  config.uid_count = 64;
  config.max_running = 20;
  CHECK(most_warm(config) == 6);
  config.max_running = 32;
  CHECK(most_warm(config) == 0);
  config.warm = WarmRules{};
  config.max_running = 1;
  CHECK(most_warm(config) == 0);
}
