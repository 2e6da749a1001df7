#include <catch2/catch.hpp>
#include <sstream>

#include "supervisor/metrics/exposition.hpp"
#include "supervisor/metrics/metrics.hpp"
#include "supervisor/metrics/process_figures.hpp"
#include "tests/unit/exposition_reader.hpp"

using namespace cordon;
using cordon::test::read_exposition;
using namespace std::chrono_literals;

namespace {

Metrics::Now quiet() {
  Metrics::Now now;
  now.version = "1";
  return now;
}

std::map<std::string, double> samples(const Metrics& metrics, const std::string& family) {
  return read_exposition(metrics.text(quiet())).at(family).samples;
}

}  // namespace

TEST_CASE("metrics are well formed before anything has happened, and after everything has") {
  Metrics metrics;
  CHECK_NOTHROW(read_exposition(metrics.text(quiet())));
  metrics.job_ended("default", "exited", {1ms, 2ms, 3ms, 4ms});
  metrics.job_ended("default", "lost", {});
  metrics.denied("seccomp", 3);
  metrics.request_answered("GET", 200);
  metrics.request_refused("not_found");
  const auto families = read_exposition(metrics.text(quiet()));
  CHECK(families.at("cordon_jobs_total").samples ==
        std::map<std::string, double>{{R"(cordon_jobs_total{profile="default",outcome="exited"})", 1},
                                      {R"(cordon_jobs_total{profile="default",outcome="lost"})", 1}});
  CHECK(families.at("cordon_denials_total").samples.at(R"(cordon_denials_total{control="seccomp"})") == 3);
}

TEST_CASE("a strict reader finds what is wrong", "[bite]") {
  for (const char* text :
       {"a 1\n", "# HELP a x\n# TYPE a gauge\na 1", "# HELP a x\n# TYPE a gauge\na 1\na 1\n",
        "# HELP a x\n# TYPE a gauge\na{b=\"c} 1\n", "# HELP a x\n# TYPE a gauge\nb 1\n",
        "# HELP a x\n# TYPE a counter\na 1\n", "# HELP a x\n# TYPE a gauge\na{} 1\n",
        "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
        "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
        "# HELP a x\n# TYPE a gauge\na x\n"}) {
    INFO(text);
    CHECK_THROWS(read_exposition(text));
  }
}

TEST_CASE("a time falls into every bucket that is not below it") {
  Metrics metrics;
  metrics.job_ended("p", "exited", {{}, 5ms, {}, {}});
  metrics.job_ended("p", "exited", {{}, 400s, {}, {}});
  const auto launch = samples(metrics, "cordon_job_launch_seconds");
  const auto bucket = [&](const std::string& le) {
    return launch.at(R"(cordon_job_launch_seconds_bucket{profile="p",outcome="exited",le=")" + le + "\"}");
  };
  CHECK(bucket("0.0025") == 0);
  CHECK(bucket("0.005") == 1);
  CHECK(bucket("300") == 1);
  CHECK(bucket("+Inf") == 2);
  CHECK(launch.at(R"(cordon_job_launch_seconds_sum{profile="p",outcome="exited"})") == Approx(400.005));
}

TEST_CASE("the launcher's phases are launch, run and teardown") {
  const auto phases =
      phases_of({{"cgroup", 1000}, {"mounts", 2000}, {"run", 5000}, {"kill", 3000}, {"collect", 4000}}, false);
  CHECK_FALSE(phases.queue);
  CHECK(phases.launch->count() == Approx(0.003));
  CHECK(phases.run->count() == Approx(0.005));
  CHECK(phases.teardown->count() == Approx(0.007));
  const auto failed = phases_of({{"cgroup", 1000}}, false);
  CHECK(failed.launch);
  CHECK_FALSE(failed.run);
  CHECK_FALSE(failed.teardown);
}

TEST_CASE("what a warm sandbox had behind it before its job came is no part of the launch, nor is its wait") {
  const std::vector<std::pair<std::string, std::uint64_t>> timings{{"cgroup", 1000}, {"clone", 2000}, {"idle", 900'000},
                                                                   {"assign", 70},   {"run", 5000},   {"kill", 3000}};
  CHECK(phases_of(timings, true).launch->count() == Approx(0.000070));
  CHECK(phases_of(timings, false).launch->count() == Approx(0.003070));
  for (const bool warm : {true, false}) {
    CHECK(phases_of(timings, warm).run->count() == Approx(0.005));
    CHECK(phases_of(timings, warm).teardown->count() == Approx(0.003));
  }
}

TEST_CASE("hits and misses of warm sandboxes are counted by profile, and with an interpreter in them apart") {
  Metrics metrics;
  metrics.warm_hit("default", "", 20ms);
  metrics.warm_hit("default", "", 40s);
  metrics.warm_missed("strict", "");
  metrics.warm_hit("default", "python", 1s);
  metrics.warm_declined("default", "python");
  CHECK(
      samples(metrics, "cordon_warm_hits_total").at(R"(cordon_warm_hits_total{profile="default",prestart="python"})") ==
      1);
  CHECK(samples(metrics, "cordon_warm_declined_total")
            .at(R"(cordon_warm_declined_total{profile="default",prestart="python"})") == 1);
  CHECK(samples(metrics, "cordon_warm_hits_total").at(R"(cordon_warm_hits_total{profile="default",prestart="none"})") ==
        2);
  CHECK(samples(metrics, "cordon_warm_misses_total")
            .at(R"(cordon_warm_misses_total{profile="strict",prestart="none"})") == 1);
  const auto age = samples(metrics, "cordon_warm_age_seconds");
  CHECK(age.at(R"(cordon_warm_age_seconds_bucket{profile="default",prestart="none",le="0.025"})") == 1);
  CHECK(age.at(R"(cordon_warm_age_seconds_sum{profile="default",prestart="none"})") == Approx(40.02));
  auto now = quiet();
  now.warm[{"default", ""}] = {2, 1};
  const auto sandboxes = read_exposition(metrics.text(now)).at("cordon_warm_sandboxes").samples;
  CHECK(sandboxes.at(R"(cordon_warm_sandboxes{profile="default",prestart="none",state="ready"})") == 2);
  CHECK(sandboxes.at(R"(cordon_warm_sandboxes{profile="default",prestart="none",state="preparing"})") == 1);
}

TEST_CASE("whatever clients send, labels stay few and well formed", "[threat:slow-clients]") {
  Metrics metrics;
  for (int i = 0; i < 10'000; ++i) {
    metrics.request_answered("M" + std::to_string(i), 405);
    metrics.denied("control" + std::to_string(i), 1);
  }
  metrics.denied("a\"b\\c\nd", 1);
  CHECK(samples(metrics, "cordon_http_requests_total") ==
        std::map<std::string, double>{{R"(cordon_http_requests_total{method="other",code="405"})", 10'000}});
  const auto denials = samples(metrics, "cordon_denials_total");
  CHECK(denials.size() <= 65);
  CHECK(denials.at(R"(cordon_denials_total{control="other"})") == 10'001 - 64);
}

TEST_CASE("label values are escaped") {
  Exposition out;
  out.family("a", "gauge", "x");
  out.sample({{"l", "a\"b\\c\nd"}}, 0.25);
  CHECK(out.take() == "# HELP a x\n# TYPE a gauge\na{l=\"a\\\"b\\\\c\\nd\"} 0.25\n");
}

TEST_CASE("the process knows its own figures") {
  const auto figures = process_figures();
  CHECK(figures.resident_bytes > 1'000'000);
  CHECK(figures.virtual_bytes >= figures.resident_bytes);
  CHECK(figures.open_fds >= 3);
  CHECK(figures.max_fds >= figures.open_fds);
  CHECK(figures.start_time_seconds <= static_cast<double>(std::time(nullptr)) + 1);
  CHECK(figures.start_time_seconds > static_cast<double>(std::time(nullptr)) - 3600);
}
