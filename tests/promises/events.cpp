// Promise (api.md, "Jobs"): a job's events tell its output and states as they happen, and again to whoever comes later.
#include <sodium.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "cli/job_request.hpp"
#include "cli/sse.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;
using Clock = std::chrono::steady_clock;

namespace {

struct Told {
  std::string out, err, last_id;
  std::vector<std::string> states;
  Json job;
};

Told read_events(const Instance& cordon, const std::string& id, const std::string& last = "") {
  Call request{.target = "/v1/jobs/" + id + "/events"};
  if (!last.empty()) request.headers.push_back("Last-Event-ID: " + last);
  const auto answer = cordon.request(request);
  REQUIRE(answer.status == 200);
  CHECK(answer.headers.at("content-type").starts_with("text/event-stream"));
  cordon::cli::EventParser parser;
  parser.feed(answer.body);
  Told told;
  while (const auto event = parser.next()) {
    if (event->type == "stdout") told.out += cordon::cli::decode_base64(event->data);
    if (event->type == "stderr") told.err += cordon::cli::decode_base64(event->data);
    if (event->type == "state") told.states.push_back(Json::parse(event->data).at("state"));
    if (event->type == "finished") told.job = Json::parse(event->data);
    told.last_id = parser.last_id();
  }
  return told;
}

const Json talker{
    {"argv", Json::array({"bash", "-c", "for i in 1 2 3 4 5; do echo out$i; echo err$i >&2; sleep 0.1; done"})}};

}  // namespace

TEST_CASE("events carry both streams and end with the finished job") {
  const Instance cordon;
  const auto id = cordon.submit(talker).at("id").get<std::string>();
  const auto live = read_events(cordon, id);
  CHECK(live.out == "out1\nout2\nout3\nout4\nout5\n");
  CHECK(live.err == "err1\nerr2\nerr3\nerr4\nerr5\n");
  CHECK(std::find(live.states.begin(), live.states.end(), "running") != live.states.end());
  CHECK(live.job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  const auto replayed = read_events(cordon, id);
  CHECK(replayed.out == live.out);
  CHECK(replayed.err == live.err);
  CHECK(replayed.job == live.job);
}

TEST_CASE("Last-Event-ID resumes without a gap and without a repeat") {
  const Instance cordon;
  const auto id = cordon.submit(talker).at("id").get<std::string>();
  cordon.finished(id);
  const auto whole = read_events(cordon, id);
  for (const char* offset : {"1", "5", "17", "30"}) {
    const auto rest = read_events(cordon, id, offset);
    INFO(offset);
    CHECK(rest.out.size() + rest.err.size() == whole.out.size() + whole.err.size() - std::stoul(offset));
    CHECK(whole.out.ends_with(rest.out));
    CHECK(whole.err.ends_with(rest.err));
    CHECK(rest.job == whole.job);
  }
}

TEST_CASE("output is there to read while the job still runs") {
  const Instance cordon;
  const auto id =
      cordon.submit({{"argv", Json::array({"bash", "-c", "echo early; sleep 60"})}}).at("id").get<std::string>();
  CHECK(
      eventually([&] { return cordon.get("/v1/jobs/" + id + "/stdout").body == "early\n"; }, std::chrono::seconds(5)));
  CHECK(cordon.remove("/v1/jobs/" + id).status == 200);
}

TEST_CASE("a reader that does not read slows no job", "[threat:output-flood]") {
  const Instance cordon;
  const auto flood = cordon.submit(probe("output_flood", {"4000000"})).at("id").get<std::string>();
  const auto connection = connect_to(cordon.agent_socket());
  send_all(connection.get(), "GET /v1/jobs/" + flood + "/events HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto job = cordon.finished(flood, std::chrono::seconds(10));
  CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
}

TEST_CASE("a long poll answers when the job ends, and not later than it was asked to wait") {
  const Instance cordon;
  const auto id = cordon.submit({{"argv", Json::array({"sleep", "1"})}}).at("id").get<std::string>();
  const auto begin = Clock::now();
  CHECK(cordon.finished(id).at("state") == "finished");
  CHECK(Clock::now() - begin < std::chrono::seconds(3));
  const auto other = cordon.submit({{"argv", Json::array({"sleep", "60"})}}).at("id").get<std::string>();
  const auto waiting = Clock::now();
  CHECK(cordon.get("/v1/jobs/" + other + "?wait=1").json().at("state") != "finished");
  CHECK(Clock::now() - waiting >= std::chrono::milliseconds(900));
  cordon.remove("/v1/jobs/" + other);
}
