// The life of jobs, on real sockets, with a launcher that only plays.
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "supervisor/text/base64.hpp"
#include "tests/unit/supervisor_instance.hpp"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr auto hold = R"({"argv": ["hold"]})";
constexpr auto hold_and_wait = R"({"argv": ["hold"], "wait": true})";

std::string kind(const Json& job) {
  return job.at("outcome").at("kind");
}

void await_running(const Instance& instance, const std::string& id) {
  auto client = instance.agent();
  client.send("GET /v1/jobs/" + id + "/events HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_until("event: stdout");
}

std::string newest(const Instance& instance) {
  for (;;) {
    const auto jobs = instance.agent().get("/v1/jobs?limit=1").json().at("jobs");
    if (!jobs.empty()) return jobs[0].at("id");
  }
}

}  // namespace

TEST_CASE("the order reaches the launcher whole, and its answer the client") {
  Instance instance;
  const auto job =
      instance.agent()
          .post(
              R"({"language": "say", "code": "42", "files": [{"path": "d/x", "content": "/w==", "encoding": "base64"}],
      "stdin": "in", "limits": {"pids": 7}, "timings": true, "labels": {"a": "b"}, "wait": true})")
          .json();
  CHECK(job.at("stdout") == base64("code=42\nd/x=\xff\nin"));
  CHECK(job.at("stdout_encoding") == "base64");
  CHECK(job.at("usage").at("wall_ms") == 1.5);
  CHECK(job.at("limits").at("pids") == 7);
  CHECK(job.at("denials")[0].dump() == R"({"control":"pids","count":2,"detail":"fork"})");
  for (const char* phase : {"admission", "queue", "order", "mounts", "assign", "run", "drain"})
    CHECK(job.at("timings").contains(phase));
  CHECK(job.at("timings").at("mounts") == 0.25);
  CHECK(job.at("warm") == false);
  CHECK(job.at("labels").dump() == R"({"a":"b"})");
  CHECK(job.at("actor") == "uid:" + std::to_string(::geteuid()));
  CHECK(job.at("enforced").at("seccomp") == "2");
  CHECK(instance.launcher().last_spec().id == job.at("id"));
  CHECK(instance.launcher().last_spec().limits.pids == 7);
  CHECK(hex(instance.launcher().last_preparation().profile) == job.at("profile_sha256"));
}

TEST_CASE("a job that nobody waits for is accepted, found where Location says, and polled") {
  const Instance instance;
  auto client = instance.agent();
  const auto accepted = client.post(R"({"argv": ["say", "a", "err:b"]})");
  CHECK(accepted.status == 202);
  const auto location = accepted.fields.at("location");
  const auto job = client.get(location + "?wait=20").json();
  CHECK(job.at("state") == "finished");
  CHECK(client.get(location + "/stdout").body == "a");
  CHECK(client.get(location + "/stderr").body == "b");
  CHECK(client.get(location + "/stdout").fields.at("content-type") == "application/octet-stream");
}

TEST_CASE("a long poll ends when its time is over") {
  const Instance instance;
  const auto id = instance.submit(hold);
  await_running(instance, id);
  const auto begin = Clock::now();
  CHECK(instance.agent().get("/v1/jobs/" + id + "?wait=1").json().at("state") == "running");
  CHECK(Clock::now() - begin >= std::chrono::milliseconds(990));
}

TEST_CASE("cancelling ends the sandbox and answers with the job") {
  Instance instance;
  const auto id = instance.submit(hold);
  await_running(instance, id);
  const auto answer = instance.agent().call("DELETE", "/v1/jobs/" + id);
  CHECK(answer.status == 200);
  CHECK(kind(answer.json()) == "cancelled");
  CHECK(answer.json().at("stdout") == "held");  // partial output is kept
  CHECK(instance.launcher().jobs_alive() == 0);
  const auto again = instance.agent().call("DELETE", "/v1/jobs/" + id);
  CHECK(again.status == 200);
  CHECK(again.body == answer.body);
}

TEST_CASE("a waited job without a key is cancelled when its client goes away") {
  const Instance instance;
  std::string id;
  {
    auto client = instance.agent();
    client.send("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n" +
                std::string(hold_and_wait));
    id = newest(instance);
    await_running(instance, id);
  }
  CHECK(kind(instance.finished(id)) == "cancelled");
}

TEST_CASE("a waited job with a key goes on without its client, and its key finds it again") {
  const Instance instance;
  std::string id;
  const std::string fields = "Idempotency-Key: k1\r\n";
  {
    auto client = instance.agent();
    client.send("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + fields +
                "Content-Length: 32\r\n\r\n" + hold_and_wait);
    id = newest(instance);
    await_running(instance, id);
  }
  CHECK(instance.agent().get("/v1/jobs/" + id + "?wait=1").json().at("state") == "running");
  auto again = instance.agent();
  again.send("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + fields +
             "Content-Length: 32\r\n\r\n" + hold_and_wait);
  instance.agent().call("DELETE", "/v1/jobs/" + id);
  CHECK(again.answer()->json().at("id") == id);
}

TEST_CASE("a half-closed client still reads its answer") {
  const Instance instance;
  auto client = instance.agent();
  const std::string body = R"({"argv": ["say", "x"], "wait": true})";
  client.send("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  client.half_close();
  CHECK(kind(client.answer()->json()) == "exited");
}

TEST_CASE("one key and one body are one job, another body is a conflict, another actor's key is another") {
  Instance instance;
  auto client = instance.agent();
  const std::string key = "Idempotency-Key: k\r\n";
  const auto body = R"({"argv": ["say", "once"], "wait": true})";
  const auto first = client.post(body, key).json();
  const auto second = client.post(body, key).json();
  CHECK(first.at("id") == second.at("id"));
  CHECK(instance.launcher().jobs_started() == 1);
  const auto other = client.post(R"({"argv": ["say", "twice"], "wait": true})", key);
  CHECK(other.status == 409);
  CHECK(other.json().at("code") == "idempotency_mismatch");
  CHECK(client.post(R"({"argv": []})", "Idempotency-Key: bad\r\n").status == 400);
  CHECK(client.post(R"({"argv": ["say"]})", "Idempotency-Key: bad\r\n").status == 202);  // a refusal binds no key
}

TEST_CASE("the endings of the launcher are the job's outcomes") {
  const Instance instance;
  auto client = instance.agent();
  CHECK(client.post(R"({"argv": ["exit", "3"], "wait": true})").json().at("outcome").at("code") == 3);
  const auto lost = client.post(R"({"argv": ["vanish"], "collect": ["*"], "wait": true})").json();
  CHECK(lost.at("skipped")[0].at("reason") == "the collection broke off");
  CHECK(kind(lost) == "lost");
  CHECK_FALSE(lost.at("outcome").contains("code"));
  const auto refused = client.post(R"({"argv": ["refuse"], "wait": true})").json();
  CHECK(kind(refused) == "setup_failed");
  CHECK(refused.at("outcome").at("remedy") == "be root");
  const auto events = instance.operator_().get("/v1/events?follow=false").body;
  CHECK(events.find("event: setup_failed\n") != std::string::npos);
}

TEST_CASE("without a launcher what was accepted waits for one, and after a while nothing more is taken in") {
  Instance instance(R"("max_queued": 4)");
  instance.stop_launcher();
  const auto waiting = instance.submit(R"({"argv": ["say", "x"]})");
  const auto cancelled = instance.submit(R"({"argv": ["say", "y"]})");
  CHECK(instance.operator_().get("/v1/info").json().at("jobs").at("held_by") == "launcher");
  HttpAnswer refused;
  int accepted = 2;
  for (int tries = 0; tries < 200; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    refused = instance.agent().post(R"({"argv": ["say"]})");
    if (refused.status == 202) ++accepted;
    if (refused.status == 503 && refused.json().at("code") == "launcher_unavailable") break;
  }
  CHECK(accepted <= 4);  // the queue has its bounds all the same
  CHECK(refused.status == 503);
  CHECK(refused.json().at("code") == "launcher_unavailable");
  CHECK(refused.json().at("detail").get<std::string>().find(instance.dir() + "/launcher.sock") != std::string::npos);
  CHECK_FALSE(refused.json().at("remedy").get<std::string>().empty());
  CHECK(instance.job(waiting).at("state") == "queued");
  CHECK(instance.agent().call("DELETE", "/v1/jobs/" + cancelled).status < 300);
  CHECK(kind(instance.finished(cancelled)) == "cancelled");
  instance.restart_launcher();
  CHECK(instance.finished(waiting).at("stdout") == "x");
}

TEST_CASE("a language whose program is not on the host is refused") {
  const Instance instance;
  const auto answer = instance.agent().post(R"({"language": "gone", "code": ""})");
  CHECK(answer.status == 400);
  CHECK(answer.json().at("code") == "language_not_in_image");
}

TEST_CASE("a pipe that stays open after the sandbox is gone holds a job up only for a while, and that is said") {
  const Instance instance;
  const auto job = instance.agent().post(R"({"argv": ["leak"], "wait": true})").json();
  CHECK(kind(job) == "exited");
  CHECK(job.at("stdout") == "leaked");
  CHECK(job.at("denials").back().at("control") == "output");
}

TEST_CASE("too much output is cut and counted, or ends the job") {
  const Instance instance;
  auto client = instance.agent();
  const auto cut =
      client.post(R"({"argv": ["flood", "300000"], "limits": {"output_bytes": 1000}, "wait": true})").json();
  CHECK(kind(cut) == "exited");
  CHECK(cut.at("stdout").get<std::string>().size() == 1000);
  CHECK(cut.at("stdout_bytes") == 300'000);
  CHECK(cut.at("stdout_truncated") == true);
  const auto ended =
      client
          .post(
              R"({"argv": ["flood", "300000"], "limits": {"output_bytes": 1000}, "on_output_limit": "kill", "wait": true})")
          .json();
  CHECK(kind(ended) == "output_limit");
  CHECK(ended.at("stdout").get<std::string>().size() == 1000);
}

TEST_CASE("artifacts are downloaded with their digest and used by later jobs") {
  const Instance instance;
  auto client = instance.agent();
  const auto job =
      client.post(R"({"argv": ["leave", "out/a b.txt", "bytes"], "collect": ["out/*"], "wait": true})").json();
  REQUIRE(job.at("artifacts").size() == 1);
  CHECK(job.at("artifacts")[0].at("sha256") == hex(sha256("bytes")));
  const auto base = "/v1/jobs/" + job.at("id").get<std::string>() + "/artifacts/";
  const auto file = client.get(base + "out/a%20b.txt");
  CHECK(file.status == 200);
  CHECK(file.body == "bytes");
  const auto digest = sha256("bytes");
  CHECK(file.fields.at("repr-digest") ==
        "sha-256=:" + base64({reinterpret_cast<const char*>(digest.data()), digest.size()}) + ":");
  CHECK(client.call("HEAD", base + "out%2Fa%20b.txt").fields.at("content-length") == "5");
  CHECK(client.get(base + "out/other").status == 404);
  CHECK(client.get(base + "../../x").status == 404);
  const auto ref = R"({"argv": ["echo-files"], "files": [{"path": "in", "artifact": {"job": ")" +
                   job.at("id").get<std::string>() + R"(", "path": "out/a b.txt"}}], "wait": true})";
  CHECK(client.post(ref).json().at("stdout") == "in=bytes\n");
}

TEST_CASE("jobs wait in order when enough of them run, and may be cancelled while they wait") {
  Instance instance(R"("max_running": 1, "max_queued": 2)");
  const auto first = instance.submit(hold), second = instance.submit(hold), third = instance.submit(hold);
  CHECK(instance.job(first).at("state") == "running");
  CHECK(instance.job(second).at("queue_position") == 1);
  CHECK(instance.job(third).at("queue_position") == 2);
  const auto full = instance.agent().post(hold);
  CHECK(full.status == 503);
  CHECK(full.json().at("code") == "queue_full");
  CHECK(full.fields.contains("retry-after"));
  CHECK(instance.agent().get("/v1/jobs?state=queued").json().at("jobs").size() == 2);
  CHECK(kind(instance.agent().call("DELETE", "/v1/jobs/" + second).json()) == "cancelled");
  CHECK(instance.job(third).at("queue_position") == 1);
  instance.agent().call("DELETE", "/v1/jobs/" + first);
  await_running(instance, third);
  CHECK(instance.launcher().jobs_started() == 2);
  instance.agent().call("DELETE", "/v1/jobs/" + third);
}

TEST_CASE("events are live, end with the job, and leave the connection usable") {
  const Instance instance;
  const auto id = instance.submit(hold);
  auto client = instance.agent();
  client.send("GET /v1/jobs/" + id + "/events HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto begin = client.read_until(base64("held"));
  CHECK(begin.find("Content-Type: text/event-stream") != std::string::npos);
  CHECK(begin.find("{\"state\":\"running\"}") != std::string::npos);
  instance.agent().call("DELETE", "/v1/jobs/" + id);
  client.read_until("event: finished");
  client.read_until("\r\n0\r\n\r\n");
  CHECK(client.get("/v1/tools").status == 200);
}

TEST_CASE("events are replayed, and resumed behind what was seen") {
  const Instance instance;
  auto client = instance.agent();
  const auto id = client.post(R"({"argv": ["say", "abcdef"], "wait": true})").json().at("id").get<std::string>();
  const auto all = client.get("/v1/jobs/" + id + "/events").body;
  CHECK(all.starts_with("event: state\nid: 0\ndata: {\"state\":\"queued\"}\n\n"));
  CHECK(all.find("event: stdout\nid: 6\ndata: " + base64("abcdef")) != std::string::npos);
  const auto rest = client.get("/v1/jobs/" + id + "/events", "Last-Event-ID: 4\r\n").body;
  CHECK(rest.starts_with("event: stdout\nid: 6\ndata: " + base64("ef") + "\n\nevent: finished\nid: 6\n"));
  CHECK(client.get("/v1/jobs/" + id + "/events", "Last-Event-ID: 7\r\n").status == 400);
  CHECK(client.get("/v1/jobs/" + id + "/events", "Last-Event-ID: x\r\n").status == 400);
}

TEST_CASE("a reader of events that does not read does not slow the job") {
  const Instance instance;
  const auto id = instance.submit(R"({"argv": ["flood", "1000000"], "limits": {"output_bytes": 1000000}})");
  auto idle = instance.agent();
  idle.send("GET /v1/jobs/" + id + "/events HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(instance.finished(id).at("state") == "finished");
}

TEST_CASE("lists go page by page") {
  const Instance instance;
  auto client = instance.agent();
  for (int i = 0; i < 3; ++i) client.post(R"({"argv": ["say", "x"], "wait": true})");
  const auto page = client.get("/v1/jobs?limit=2").json();
  CHECK(page.at("jobs").size() == 2);
  CHECK(page.at("jobs")[0].at("id") > page.at("jobs")[1].at("id"));
  CHECK_FALSE(page.at("jobs")[0].contains("stdout"));
  const auto rest = client.get("/v1/jobs?limit=2&after=" + page.at("next").get<std::string>()).json();
  CHECK(rest.at("jobs").size() == 1);
  CHECK(rest.at("next").is_null());
  CHECK(client.get("/v1/jobs?state=awaiting_approval").json().at("jobs").empty());
}

TEST_CASE("a forgotten job is gone, not unknown") {
  const Instance instance(R"("retain": {"jobs": 1, "bytes": 1048576})");
  auto client = instance.agent();
  const auto first = client.post(R"({"argv": ["say"], "wait": true})").json().at("id").get<std::string>();
  client.post(R"({"argv": ["say"], "wait": true})");
  // It goes soon after what takes its place has been told.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (client.get("/v1/jobs/" + first).status == 200 && std::chrono::steady_clock::now() < deadline) {
  }
  CHECK(client.get("/v1/jobs/" + first).status == 410);
  CHECK(client.call("DELETE", "/v1/jobs/" + first).status == 410);
}

TEST_CASE("another agent's job is not found by any way, but an operator sees it") {
  if (::geteuid() != 0) return;  // only root can be somebody else
  const Instance instance;
  const auto id = instance.agent()
                      .post(R"({"argv": ["leave", "o", "x"], "collect": ["o"], "wait": true})")
                      .json()
                      .at("id")
                      .get<std::string>();
  std::vector<int> statuses;
  std::size_t listed = 1;
  std::string ref_code;
  std::thread([&] {
    ::syscall(SYS_setresuid, 12345, 12345,
              12345);  // this thread only; the group stays root's, which is the agents' here
    auto other = instance.agent();
    for (const char* rest : {"", "/events", "/stdout", "/stderr", "/artifacts/o"}) {
      statuses.push_back(other.get("/v1/jobs/" + id + rest).status);
    }
    statuses.push_back(other.call("DELETE", "/v1/jobs/" + id).status);
    listed = other.get("/v1/jobs").json().at("jobs").size();
    ref_code =
        other.post(R"({"argv": ["x"], "files": [{"path": "a", "artifact": {"job": ")" + id + R"(", "path": "o"}}]})")
            .json()
            .at("code");
  }).join();
  CHECK(statuses == std::vector<int>(6, 404));
  CHECK(listed == 0);
  CHECK(ref_code == "unknown_artifact");
  CHECK(instance.operator_().get("/v1/jobs/" + id).status == 200);
  CHECK(instance.operator_().get("/v1/jobs").json().at("jobs").size() == 1);
}

TEST_CASE("a hundred jobs at once all come back right") {
  Instance instance(R"("max_running": 16)");
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(instance.submit(R"({"argv": ["say", ")" + std::to_string(i) + "\"]}"));
  for (int i = 0; i < 100; ++i)
    CHECK(instance.finished(ids[static_cast<std::size_t>(i)]).at("stdout") == std::to_string(i));
  CHECK(instance.launcher().jobs_started() == 100);
}
