// Promise (threats.md, "The control socket"): whoever is slow, silent or greedy takes from others neither their
// connections nor their time, and from cordond only a bounded memory.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <iostream>

#include "tests/promises/siege.hpp"

using namespace cordon::test;

namespace {

// Raw connections of one user, each having sent `bytes`.
std::vector<cordon::Fd> connections_of(const Instance& cordon, const Credentials& who, int count,
                                       const std::string& bytes) {
  std::vector<cordon::Fd> all;
  as(who, [&] {
    for (int i = 0; i < count; ++i) {
      all.push_back(connect_to(cordon.agent_socket()));
      ::send(all.back().get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  });
  return all;
}

}  // namespace

TEST_CASE("a thousand slow connections cost an honest client nothing, and cordond a bounded memory",
          "[threat:slow-clients]") {
  besiege({1000, 9});
}

TEST_CASE("a user who asks on forty connections at once slows others no more than one who asks on a single one",
          "[threat:slow-clients]") {
  const Instance cordon;
  const auto waits = flood(cordon);
  std::cout << "five users flood: honest p99 " << waits.few << " ms when each has one connection, " << waits.many
            << " ms when each has forty\n";
  CHECK(waits.many < 2 * waits.few + 1);
}

TEST_CASE("when all connections are taken, honest users get in and their jobs go on", "[threat:slow-clients]") {
  const Instance cordon(Json::object({{"max_connections", 100}, {"max_connections_per_uid", 80}}));
  Answer waited;
  std::thread honest_job([&] {
    const Json job{{"argv", Json::array({"sleep", "3"})}, {"wait", true}};
    waited = cordon.request({.method = "POST", .target = "/v1/jobs", .body = job.dump(), .as = cordon.agent(6)});
  });
  std::vector<std::vector<cordon::Fd>> crowd;
  for (unsigned i = 0; i < 4; ++i) crowd.push_back(connections_of(cordon, cordon.agent(i), 120, ""));
  for (int i = 0; i < 20; ++i) {
    CHECK(cordon.request({.target = "/v1/info", .as = cordon.agent(honest_agent)}).status == 200);
  }
  honest_job.join();
  CHECK(waited.status == 200);
  CHECK(waited.json().at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
}

TEST_CASE("whoever asks for much and reads nothing takes no memory for it", "[threat:slow-clients]") {
  allow_many_files();
  Instance cordon;
  const auto who = cordon.agent(0);
  const auto job = job_with_output(cordon, who, 8'000'000);
  const auto before = resident_bytes(cordon.daemon().pid());
  const auto readers = connections_of(cordon, who, 300, "GET /v1/jobs/" + job + "/stdout HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto has_some = [](const cordon::Fd& fd) {
    pollfd state{fd.get(), POLLIN, 0};
    return ::poll(&state, 1, 0) == 1;
  };
  REQUIRE(eventually([&] { return std::all_of(readers.begin(), readers.end(), has_some); }));
  const auto during = resident_bytes(cordon.daemon().pid());
  std::cout << "300 readers of 8 MB that do not read: cordond " << mib(during) << " MiB, before " << mib(before)
            << "\n";
  CHECK(during < before + std::uint64_t{300} * 128 * 1024);
  CHECK(cordon.request({.target = "/v1/jobs/" + job + "/stdout", .as = who}).body == std::string(8'000'000, '\0'));
}

TEST_CASE("announced bodies that do not come keep nobody else's out", "[threat:slow-clients]") {
  const Instance cordon;
  const std::string head = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  std::vector<std::vector<cordon::Fd>> crowd;
  for (unsigned i = 0; i < 4; ++i) {
    crowd.push_back(connections_of(cordon, cordon.agent(i), 50, head + "Content-Length: 16000000\r\n\r\n{"));
    crowd.push_back(connections_of(cordon, cordon.agent(i), 50, head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"));
  }
  Json job{{"argv", Json::array({"wc", "-c", "big"})}, {"wait", true}};
  job["files"] = Json::array({{{"path", "big"}, {"content", std::string(4'000'000, 'x')}}});
  const auto answer =
      cordon.request({.method = "POST", .target = "/v1/jobs", .body = job.dump(), .as = cordon.agent(honest_agent)});
  CHECK(answer.status == 200);
  CHECK(answer.json().at("stdout") == "4000000 big\n");
}
