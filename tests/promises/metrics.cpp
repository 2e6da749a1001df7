// Promise (api.md, "Jobs"): metrics count what has happened, in the form that Prometheus reads, and only operators and
// whoever may scrape the loopback listener read them.
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "tests/promises/instance.hpp"
#include "tests/unit/exposition_reader.hpp"

using namespace cordon::test;

namespace {

// Ten sockets of a family that is refused.
const Json refused_ten_times{
    {"argv",
     Json::array({"python3", "-c",
                  "import socket\nfor _ in range(10):\n  try: socket.socket(40, 1, 0)\n  except OSError: pass"})}};

using Families = std::map<std::string, MetricFamily>;

Families scrape(const Instance& cordon) {
  const auto answer = call(cordon.operator_socket(), {.target = "/metrics"});
  REQUIRE(answer.status == 200);
  CHECK(answer.headers.at("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  return read_exposition(answer.body);
}

double value(const Families& families, const std::string& name, const std::string& labels = "") {
  const auto family =
      name.substr(0, name.find("_seconds_") == std::string::npos ? name.npos : name.find("_seconds_") + 8);
  const auto& samples = families.at(family).samples;
  const auto at = samples.find(name + labels);
  return at == samples.end() ? 0 : at->second;
}

// A port that was free a moment ago.
std::uint16_t free_port() {
  const cordon::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

cordon::Fd connect_tcp(std::uint16_t port) {
  cordon::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

std::string ask(std::uint16_t port, const std::string& request) {
  const auto fd = connect_tcp(port);
  send_all(fd.get(), request);
  return receive_all(fd.get(), std::chrono::seconds(5));
}

// The names in the first column of the tables of docs/metrics.md.
std::set<std::string> documented() {
  std::set<std::string> names;
  std::istringstream page(read_text(CORDON_SOURCE_DIR "/docs/metrics.md"));
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `")) names.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return names;
}

}  // namespace

TEST_CASE("metrics count the jobs, by profile and outcome, and the time of each phase") {
  const Instance cordon;
  for (int i = 0; i < 3; ++i) cordon.run({{"argv", Json::array({"true"})}});
  cordon.run({{"argv", Json::array({"sleep", "60"})}, {"limits", {{"wall_ms", 200}}}});
  cordon.run(refused_ten_times);
  CHECK(cordon.get("/v1/jobs/nothing").status == 404);
  const auto hanging = cordon.submit({{"argv", Json::array({"sleep", "60"})}}).at("id").get<std::string>();
  cordon.reaches(hanging, "running");
  const auto families = scrape(cordon);
  const std::string timed_out = R"({profile="default",outcome="timed_out"})";
  CHECK(value(families, "cordon_jobs_total", timed_out) == 1);
  double all = 0;
  for (const auto& [name, count] : families.at("cordon_jobs_total").samples) all += count;
  CHECK(all == 5);
  CHECK(value(families, "cordon_jobs_running") == 1);
  CHECK(value(families, "cordon_jobs_queued") == 0);
  for (const std::string phase : {"queue", "launch", "run", "teardown"}) {
    INFO(phase);
    CHECK(value(families, "cordon_job_" + phase + "_seconds_count", timed_out) == 1);
  }
  CHECK(value(families, "cordon_job_run_seconds_sum", timed_out) == Approx(0.2).margin(0.15));
  CHECK(value(families, "cordon_denials_total", R"({control="seccomp"})") == 10);
  CHECK(value(families, "cordon_refusals_total", R"({code="not_found"})") == 1);
  CHECK(value(families, "cordon_http_requests_total", R"({method="GET",code="404"})") == 1);
  CHECK(value(families, "cordon_http_requests_total", R"({method="POST",code="200"})") == 5);
  CHECK(value(families, "cordon_operator_events_total", R"({kind="started"})") == 1);
  CHECK(value(families, "process_resident_memory_bytes") > 1'000'000);
  CHECK(value(families, "process_open_fds") > 5);
  cordon.remove("/v1/jobs/" + hanging);
}

TEST_CASE("every metric is documented, and nothing is documented that is not there") {
  const Instance cordon;
  std::set<std::string> there;
  for (const auto& [name, family] : scrape(cordon)) there.insert(name);
  CHECK(there == documented());
}

TEST_CASE("agents do not read metrics", "[threat:peer-identity]") {
  const Instance cordon;
  CHECK(cordon.get("/metrics").status == 404);
}

TEST_CASE("a configured loopback listener answers GET /metrics and nothing else", "[threat:slow-clients]") {
  const auto port = free_port();
  const Instance cordon(Json::object({{"metrics", {{"listen", "127.0.0.1:" + std::to_string(port)}}}}));
  const auto answer = ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  REQUIRE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK_NOTHROW(read_exposition(answer.substr(answer.find("\r\n\r\n") + 4)));
  for (const char* target :
       {"GET /v1/jobs", "GET /v1/info", "GET /v1/events", "POST /v1/reload", "GET /healthz", "GET /"}) {
    INFO(target);
    CHECK(ask(port, std::string(target) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
              .starts_with("HTTP/1.1 404"));
  }
  CHECK(ask(port, "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 405"));
  CHECK(ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello").starts_with("HTTP/1.1 400"));
  // However many are open, the newest is served.
  std::vector<cordon::Fd> idle;
  for (int i = 0; i < 50; ++i) idle.push_back(connect_tcp(port));
  CHECK(ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
}
