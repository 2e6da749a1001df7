// Promise (threats.md, "Tricks with the clock"): deadlines are of CLOCK_BOOTTIME. Whoever steps the host's clock, by a
// day forward or back, ends no job early, lets none live longer, and changes nothing in what is reported of it. These
// tests set the clock of the machine they run on, and do so in the virtual machine of tests/vm/run only.
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/timer.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::hours day{24};

bool is_the_virtual_machine() {
  return read_text("/proc/cmdline").find(" cordon_vm") != std::string::npos;  // tests/vm/run says so
}

std::chrono::nanoseconds real_time() {
  return std::chrono::system_clock::now().time_since_epoch();
}

// The host's clock, which is right again when this ends.
class HostClock {
 public:
  HostClock() : offset_(real_time() - cordon::boot_time()) {
    if (!is_the_virtual_machine()) throw std::runtime_error("this would set the clock of a machine in use");
  }
  ~HostClock() { set(cordon::boot_time() + offset_); }
  HostClock(const HostClock&) = delete;
  HostClock& operator=(const HostClock&) = delete;

  static void step(std::chrono::nanoseconds by) {
    const auto before = real_time();
    set(before + by);
    const auto moved = real_time() - before - by;
    REQUIRE((moved > -1min && moved < 1min));
  }

 private:
  static void set(std::chrono::nanoseconds time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    const timespec value{static_cast<time_t>(whole.count()), static_cast<long>((time - whole).count())};
    cordon::check(::clock_settime(CLOCK_REALTIME, &value), "set the clock");
  }
  std::chrono::nanoseconds offset_;
};

struct Ended {
  Json job;
  std::chrono::nanoseconds took;  // from asking to the answer
};

// Runs a job whose tool says "on", and steps the clock by each of `steps` while it runs, half a second apart.
Ended run_through(const Instance& cordon, const Json& wish, const std::vector<std::chrono::nanoseconds>& steps) {
  const auto begin = cordon::boot_time();
  const auto id = cordon.submit(wish).at("id").get<std::string>();
  REQUIRE(eventually([&] { return cordon.get("/v1/jobs/" + id + "/stdout").body == "on\n"; }));
  for (const auto by : steps) {
    HostClock::step(by);
    std::this_thread::sleep_for(500ms);  // of the job's life under that clock: it must live on
  }
  auto job = cordon.finished(id);
  return {std::move(job), cordon::boot_time() - begin};
}

const std::vector<std::vector<std::chrono::nanoseconds>> all_ways{{day}, {-day}, {day, -2 * day, day}};

Json shell(const std::string& script, const Json& limits) {
  return {{"argv", Json::array({"sh", "-c", "echo on; " + script})}, {"limits", limits}};
}

bool differs_from_job_to_job(std::string_view control) {
  for (const std::string_view own : {"uid", "gid", "init.uid", "init.gid"})
    if (control == own) return true;
  return control.starts_with("uid_map") || control.starts_with("gid_map") || control.starts_with("namespace.");
}

// All that a report promises, and that is the same for two jobs of one wish.
Json lasting(const Json& job) {
  Json kept;
  for (const char* member : {"outcome", "stdout", "stderr", "denials", "limits", "profile", "image"})
    kept[member] = job.at(member);
  for (const auto& [control, value] : job.at("enforced").items())
    if (!differs_from_job_to_job(control)) kept["enforced"][control] = value;
  return kept;
}

double wall_ms(const Json& job) {
  return job.at("usage").at("wall_ms").get<double>();
}

}  // namespace

TEST_CASE("a job ends at its wall limit, neither early nor late, while the host's clock is stepped by a day",
          "[threat:wall-tricks]") {
  const HostClock clock;
  const Instance cordon;
  const auto wish = shell("sleep 60", {{"wall_ms", 4000}});
  const auto reference = run_through(cordon, wish, {});
  CHECK(reference.job.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "wall"}}));
  for (const auto& steps : all_ways) {
    const auto ended = run_through(cordon, wish, steps);
    INFO(ended.job.dump(2));
    CHECK(lasting(ended.job) == lasting(reference.job));
    CHECK(wall_ms(ended.job) >= 4000);
    CHECK(wall_ms(ended.job) < 6000);
    CHECK(ended.took >= 4s);
    CHECK(ended.took < reference.took + 2s);
  }
}

TEST_CASE("a job that ends of itself is not ended by a step of the host's clock, and its time is what it took",
          "[threat:wall-tricks]") {
  const HostClock clock;
  const Instance cordon;
  const auto wish = shell("sleep 3; exit 7", {{"wall_ms", 60000}});
  const auto reference = run_through(cordon, wish, {});
  CHECK(reference.job.at("outcome") == Json({{"kind", "exited"}, {"code", 7}}));
  for (const auto& steps : all_ways) {
    const auto ended = run_through(cordon, wish, steps);
    INFO(ended.job.dump(2));
    CHECK(lasting(ended.job) == lasting(reference.job));
    CHECK(wall_ms(ended.job) >= 3000);
    CHECK(wall_ms(ended.job) < 6000);
  }
}

TEST_CASE("a job ends at its limit of processor time while the host's clock is stepped by a day",
          "[threat:wall-tricks][threat:cpu-hiding]") {
  const HostClock clock;
  const Instance cordon;
  for (const auto& steps : all_ways) {
    const auto ended = run_through(cordon, shell("while :; do :; done", {{"cpu_ms", 2500}, {"wall_ms", 60000}}), steps);
    INFO(ended.job.dump(2));
    CHECK(ended.job.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "cpu"}}));
    CHECK(ended.job.at("usage").at("cpu_ms").get<double>() >= 2490);
    CHECK(ended.job.at("usage").at("cpu_ms").get<double>() < 4500);
  }
}

TEST_CASE("a restart after a step of the host's clock forgets no job, no key and nothing of a budget",
          "[threat:wall-tricks]") {
  const HostClock clock;
  Instance cordon(Json{{"retain", {{"days", 1}}},
                       {"admission", {{"actors", {{"*", {{"budgets", {{"jobs", {{"per_hour", 2}}}}}}}}}}}});
  const Json wish{{"argv", Json::array({"true"})}, {"wait", true}};
  const auto done = cordon.post(wish, {"Idempotency-Key: k"}).json().at("id").get<std::string>();
  cordon.run(wish);
  for (const auto by : {2 * day, -4 * day, 2 * day}) {
    HostClock::step(by);
    cordon.daemon().signal(SIGKILL);
    REQUIRE(cordon.daemon().wait(10s));
    cordon.start_daemon();
    CHECK(cordon.get("/v1/jobs/" + done).json().at("outcome").at("kind") == "exited");
    CHECK(cordon.post(wish, {"Idempotency-Key: k"}).json().at("id") == done);
    const auto refused = cordon.post(wish);
    CHECK(refused.status == 429);
    CHECK(std::stol(refused.headers.at("retry-after")) <= 3600);
  }
}

TEST_CASE("what cordond keeps and waits for does not change with the host's clock: jobs, keys and long polls",
          "[threat:wall-tricks]") {
  const HostClock clock;
  const Instance cordon;
  const Json wish{{"argv", Json::array({"true"})}, {"wait", true}};
  const auto done = cordon.post(wish, {"Idempotency-Key: k"}).json().at("id").get<std::string>();
  const auto running = cordon.submit(shell("sleep 60", {{"wall_ms", 60000}})).at("id").get<std::string>();
  REQUIRE(cordon.reaches(running, "running"));
  for (const auto by : {day, -2 * day, day}) {
    HostClock::step(by);
    const auto begin = cordon::boot_time();
    CHECK(cordon.get("/v1/jobs/" + running + "?wait=1").json().at("state") == "running");
    CHECK(cordon::boot_time() - begin >= 900ms);
    CHECK(cordon::boot_time() - begin < 4s);
    CHECK(cordon.get("/v1/jobs/" + done).json().at("outcome").at("kind") == "exited");
    CHECK(cordon.post(wish, {"Idempotency-Key: k"}).json().at("id") == done);
  }
  CHECK(cordon.remove("/v1/jobs/" + running).json().at("outcome").at("kind") == "cancelled");
}
