// How cordond speaks HTTP, on real sockets.
#include <grp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/unit/supervisor_instance.hpp"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr auto ok_body = R"({"argv": ["say", "hi"], "wait": true})";

std::string request(const std::string& line, const std::string& fields, const std::string& body = "") {
  return line + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
}

// Does the same connection still answer?
bool usable(HttpClient& client) {
  return client.get("/v1/tools").status == 200;
}

}  // namespace

TEST_CASE("a waited job comes back finished, on a connection that stays") {
  const Instance instance;
  auto client = instance.agent();
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.post(ok_body);
    CHECK(answer.status == 200);
    CHECK(answer.fields.at("content-type") == "application/json");
    CHECK(answer.json().at("stdout") == "hi");
    CHECK(answer.json().at("outcome").dump() == R"({"kind":"exited","code":0})");
  }
}

TEST_CASE("requests that come at once are answered one after the other") {
  const Instance instance;
  auto client = instance.agent();
  const std::string length =
      "Content-Type: application/json\r\nContent-Length: " + std::to_string(std::string(ok_body).size()) + "\r\n";
  client.send("\r\n" + request("GET /v1/tools", "") + request("POST /v1/jobs", length, ok_body) +
              request("GET /nope", ""));
  CHECK(client.answer()->json().dump() == R"({"tools":[]})");
  CHECK(client.answer()->json().at("stdout") == "hi");
  CHECK(client.answer()->status == 404);
}

TEST_CASE("a request may come byte by byte, and its body in chunks") {
  const Instance instance;
  auto client = instance.agent();
  const auto text =
      request("POST /v1/jobs", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
              "14\r\n{\"argv\": [\"say\",\"hi\"\r\n10\r\n], \"wait\": true}\r\n0\r\nIdempotency-Key: x\r\n\r\n");
  for (const char c : text) client.send(std::string(1, c));
  CHECK(client.answer()->json().at("stdout") == "hi");
  CHECK(usable(client));
}

TEST_CASE("well-framed mistakes leave the connection usable") {
  const Instance instance;
  auto client = instance.agent();
  struct Row {
    std::string request;
    int status;
    std::string code;
  };
  const std::string json = "Content-Type: application/json\r\n";
  const std::vector<Row> rows{
      {request("GET /nope", ""), 404, "not_found"},
      {request("GET /v1/jobs/", ""), 404, "not_found"},
      {request("GET /v1/jobs/x", ""), 404, "not_found"},
      {request("PUT /v1/jobs", ""), 405, "method_not_allowed"},
      {request("POST /v1/info", json + "Content-Length: 2\r\n", "{}"), 405, "method_not_allowed"},
      {request("POST /v1/jobs", "Content-Length: 2\r\n", "{}"), 415, "unsupported_media_type"},
      {request("POST /v1/jobs", "Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}"), 415,
       "unsupported_media_type"},
      {request("POST /v1/jobs", json + "Content-Length: 0\r\n"), 400, "invalid_json"},
      {request("POST /v1/jobs", json + "Content-Length: 2\r\n", "{}"), 400, "invalid_input"},
      {request("POST /v1/jobs", json + "Idempotency-Key: a b\r\nContent-Length: 2\r\n", "{}"), 400,
       "invalid_idempotency_key"},
      {request("GET /v1/jobs?state=dead", ""), 400, "invalid_parameter"},
      {request("GET /v1/jobs?limit=0", ""), 400, "invalid_parameter"},
      {request("GET /v1/jobs?limit=1x", ""), 400, "invalid_parameter"},
      {request("GET /v1/jobs?after=1", ""), 400, "invalid_parameter"},
      {request("GET /v1/jobs?page=1", ""), 400, "unknown_parameter"},
      {request("GET /v1/info?wait=1", ""), 400, "unknown_parameter"},
      {request("GET /%zz", ""), 400, "bad_request"},
      {"GET /v1/info HTTP/1.1\r\n\r\n", 400, "bad_request"},
      {request("POST /v1/reload", ""), 404, "not_found"},
  };
  for (const auto& row : rows) {
    INFO(row.request);
    client.send(row.request);
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == row.status);
    CHECK(answer->fields.at("content-type") == "application/problem+json");
    const auto problem = answer->json();
    CHECK(problem.at("code") == row.code);
    CHECK(problem.at("status") == row.status);
    for (const char* member : {"type", "title", "detail", "remedy", "errors"}) CHECK(problem.contains(member));
    CHECK((row.status == 405) == answer->fields.contains("allow"));
    REQUIRE(usable(client));
  }
}

TEST_CASE("ambiguous framing is refused and ends the connection", "[threat:smuggling]") {
  const Instance instance;
  for (const std::string fields :
       {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 2\r\nContent-Length: 2\r\n",
        "X: a\r\n folded\r\n", "Content-Length: two\r\n", "Transfer-Encoding: gzip\r\n", "bad line\r\n"}) {
    INFO(fields);
    auto client = instance.agent();
    client.send(request("POST /v1/jobs", fields, "{}") + request("GET /v1/tools", ""));
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == 400);
    CHECK(answer->fields.at("connection") == "close");
    CHECK(client.closed());
  }
}

TEST_CASE("what is not HTTP/1 is refused") {
  const Instance instance;
  for (const std::string text :
       {"GET / HTTP/2.0\r\n\r\n", "nonsense\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nA B: x\r\n\r\n"}) {
    INFO(text);
    auto client = instance.agent();
    client.send(text);
    CHECK(client.answer()->status >= 400);
    CHECK(client.closed());
  }
}

TEST_CASE("a head that is too large is refused and ends the connection", "[threat:slow-clients]") {
  const Instance instance;
  auto client = instance.agent();
  client.send("GET / HTTP/1.1\r\nX: " + std::string(70'000, 'a'));
  CHECK(client.answer()->status == 431);
  CHECK(client.closed());
}

TEST_CASE("a body that is too large is refused before it is read") {
  const Instance instance;
  SECTION("announced") {
    auto client = instance.agent();
    client.send(request("POST /v1/jobs", "Content-Type: application/json\r\nContent-Length: 16777217\r\n"));
    CHECK(client.answer()->status == 413);
    CHECK(client.closed());
  }
  SECTION("and never asked for") {
    auto client = instance.agent();
    client.send(request("POST /v1/jobs", "Expect: 100-continue\r\nContent-Length: 67108864\r\n"));
    CHECK(client.answer()->status == 413);
  }
  SECTION("while it is being sent all the same") {
    auto client = instance.agent();
    client.send(request("POST /v1/jobs", "Content-Length: 67108864\r\n"));
    std::string body;
    body.resize(67'108'864, 'x');
    client.send(body);
    CHECK(client.answer()->status == 413);
  }
  SECTION("in chunks") {
    auto client = instance.agent();
    client.send(request("POST /v1/jobs", "Transfer-Encoding: chunked\r\n"));
    const std::string chunk = "100000\r\n" + std::string(0x100000, ' ') + "\r\n";
    for (int i = 0; i < 17; ++i) client.send(chunk);
    CHECK(client.answer()->status == 413);
    CHECK(client.closed());
  }
}

TEST_CASE("a client that asks whether to continue is told so, and other expectations fail") {
  const Instance instance;
  auto client = instance.agent();
  const auto length = std::to_string(std::string(ok_body).size());
  client.send(request("POST /v1/jobs",
                      "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: " + length + "\r\n"));
  CHECK(client.answer()->status == 100);
  client.send(ok_body);
  CHECK(client.answer()->status == 200);
  client.send(request("POST /v1/jobs", "Expect: miracles\r\nContent-Length: 1\r\n"));
  CHECK(client.answer()->status == 417);
}

TEST_CASE("a client that sends a head byte by byte for ever is cut off, and others are served meanwhile",
          "[threat:slow-clients]") {
  const Instance instance;
  auto slow = instance.agent();
  slow.send("GET /v1/info HTTP/1.1\r\nX: ");
  auto quick = instance.agent();
  CHECK(usable(quick));
  const auto answer = slow.answer();  // takes as long as a head may
  REQUIRE(answer);
  CHECK(answer->status == 408);
  CHECK(slow.closed());
}

TEST_CASE("HEAD has the head of GET and no body") {
  const Instance instance;
  auto client = instance.agent();
  const auto head = client.call("HEAD", "/v1/profiles");
  const auto full = client.get("/v1/profiles");
  CHECK(head.status == 200);
  CHECK(head.fields.at("content-length") == full.fields.at("content-length"));
  CHECK(usable(client));
}

TEST_CASE("HTTP/1.0 is answered and closed, or kept when it asks for that") {
  const Instance instance;
  auto client = instance.agent();
  client.send("GET /v1/tools HTTP/1.0\r\n\r\n");
  CHECK(client.answer()->status == 200);
  CHECK(client.closed());
  auto asking = instance.agent();
  asking.send("GET http://anything/v1/tools HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(asking.answer()->status == 200);
  CHECK(asking.closed());
}

TEST_CASE("a uid has only so many connections, and gets them back", "[threat:slow-clients]") {
  const Instance instance(R"("max_connections_per_uid": 2)");
  {
    auto one = instance.agent(), two = instance.operator_();
    CHECK(usable(one));
    CHECK(usable(two));
    auto three = instance.agent();
    const auto answer = three.answer();
    REQUIRE(answer);
    CHECK(answer->status == 429);
    CHECK(answer->fields.at("retry-after") == "1");
    CHECK(answer->json().at("code") == "too_many_connections");
  }
  for (int tries = 0; tries < 100; ++tries) {
    auto again = instance.agent();
    again.send(request("GET /v1/tools", ""));
    if (const auto answer = again.answer(); answer && answer->status == 200) return;
  }
  FAIL("the connections were not given back");
}

TEST_CASE("what there is can be read") {
  Instance instance(R"("images": {"debian": {"rootfs": "/nowhere"}})");
  auto client = instance.agent();
  const auto info = client.get("/v1/info").json();
  CHECK(info.at("version") == CORDON_VERSION);
  CHECK(info.at("limits").at("body_bytes") == 16777216);
  CHECK(info.at("launcher").at("host").at("kernel") == "fake");
  CHECK(info.at("images").size() == 2);
  CHECK(info.at("egress").at("state") == "not_in_use");
  for (const char* feature : {"jobs", "tools", "approvals", "grants", "evidence", "egress"}) {
    INFO(feature);
    CHECK(std::count(info.at("features").begin(), info.at("features").end(), feature) == 1);
  }
  const auto described = Json::parse(std::ifstream(CORDON_SOURCE_DIR "/docs/openapi.json"));
  CHECK(info.at("features") ==
        described.at("components").at("schemas").at("Info").at("properties").at("features").at("items").at("enum"));
  const auto profiles = client.get("/v1/profiles").json().at("profiles");
  REQUIRE(profiles.size() == 1);
  CHECK(profiles[0].at("name") == "default");
  CHECK(profiles[0].at("why") == "for tests");
  CHECK(profiles[0].at("limits").at("pids") == 512);
  CHECK(profiles[0].at("defaults").at("pids") == 64);
  CHECK(profiles[0].at("languages").dump() == R"(["gone","say"])");
  CHECK(client.get("/healthz").status == 200);
  instance.stop_launcher();
  const auto ill = client.get("/healthz");
  CHECK(ill.status == 503);
  CHECK(ill.json().at("code") == "launcher_unreachable");
}

TEST_CASE("an operator loads everything anew, or nothing") {
  const Instance instance;
  auto client = instance.operator_();
  const auto reload = request("POST /v1/reload", "");
  instance.write_config(R"("images": {"other": {"rootfs": "/srv"}})");
  client.send(reload);
  CHECK(client.answer()->status == 200);
  CHECK(client.get("/v1/info").json().at("images").back().at("name") == "other");
  instance.write_config(R"("max_running": "many")");
  client.send(reload);
  const auto refused = client.answer();
  CHECK(refused->status == 422);
  CHECK(refused->json().at("errors")[0].at("pointer") == "/max_running");
  CHECK(client.get("/v1/info").json().at("images").back().at("name") == "other");
}

TEST_CASE("operators read events from the oldest kept or from where they were, agents do not") {
  const Instance instance;
  CHECK(instance.agent().get("/v1/events?follow=false").status == 404);
  const auto all = instance.operator_().get("/v1/events?follow=false");
  CHECK(all.status == 200);
  CHECK(all.fields.at("content-type") == "text/event-stream");
  CHECK(all.body.starts_with("event: started\nid: "));
  const auto id = all.body.substr(19, all.body.find('\n', 19) - 19);
  CHECK(instance.operator_().get("/v1/events?follow=false", "Last-Event-ID: " + id + "\r\n").body.empty());
  CHECK(instance.operator_().get("/v1/events?follow=false", "Last-Event-ID: x\r\n").status == 400);
  CHECK(instance.operator_().get("/v1/events?follow=maybe").status == 400);
}

TEST_CASE("a reload and its refusal are events, and so is a launcher that goes and comes back") {
  Instance instance;
  const auto told = [&](const std::string& kind) {
    for (int tries = 0; tries < 500; ++tries) {
      const auto text = instance.operator_().get("/v1/events?follow=false").body;
      if (text.find("event: " + kind + "\n") != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  };
  CHECK(instance.operator_().call("POST", "/v1/reload").status == 200);
  CHECK(told("reload"));
  instance.write_config(R"("metrics": {"listen": "127.0.0.1:9464"})");
  const auto refused = instance.operator_().call("POST", "/v1/reload");
  CHECK(refused.status == 422);
  CHECK(refused.json().at("errors").at(0).at("pointer") == "/metrics/listen");
  instance.stop_launcher();
  CHECK(told("launcher_lost"));
}

TEST_CASE("a chunk's header without an end is refused as soon as it is too long, and takes no memory meanwhile") {
  const Instance instance;
  for (const std::string begin : {"1;", "0\r\nTrailer-Field: "}) {
    auto client = instance.agent();
    client.send("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + begin);
    for (int i = 0; i < 20; ++i) client.send(std::string(16384, 'a'));
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == 400);
    CHECK(client.closed());
  }
}

TEST_CASE("who is in no group of a socket is refused, and so is nobody", "[threat:fail-open]") {
  if (::geteuid() != 0) return;  // only root can be somebody else
  const Instance instance;
  for (const uid_t uid : {12345U, 65534U}) {
    int status = 0;
    // Credentials belong to a thread (credentials(7)); libc's wrappers would change all of them.
    std::thread([&] {
      ::syscall(SYS_setgroups, 0, nullptr);
      ::syscall(SYS_chmod, (instance.dir() + "/agent.sock").c_str(), 0666);
      if (uid == 12345U) ::syscall(SYS_setresgid, 4321, 4321, 4321);
      ::syscall(SYS_setresuid, uid, uid, uid);
      auto client = instance.agent();
      status = client.answer().value_or(HttpAnswer{}).status;
    }).join();
    CHECK(status == 403);
  }
}
