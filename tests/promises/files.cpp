// Promise (api.md, "Jobs"): files go in as they were sent; artifacts come out as they were left, and nothing else does.
#include <catch2/catch.hpp>

#include "profiles/profile.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

Json shell(const std::string& script) {
  return {{"argv", Json::array({"bash", "-c", script})}};
}

const Json* artifact(const Json& job, const std::string& path) {
  for (const auto& item : job.at("artifacts")) {
    if (item.at("path") == path) return &item;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("files arrive with their bytes, their mode and the directories on their way") {
  const Instance cordon;
  auto wish = shell(
      "cat data/deep/in.csv; stat -c '%a %u' data/deep/in.csv run; od -An -tx1 bin; ./run; touch data/deep/mine && "
      "echo writable");
  wish["files"] = Json::array();
  wish["files"].push_back({{"path", "data/deep/in.csv"}, {"content", "a,b\n"}});
  wish["files"].push_back({{"path", "bin"}, {"content", "/wAB"}, {"encoding", "base64"}});
  wish["files"].push_back({{"path", "run"}, {"content", "#!/bin/sh\necho ran\n"}, {"mode", "0755"}});
  const auto job = cordon.run(wish);
  INFO(job.at("stderr"));
  CHECK(job.at("stdout") == "a,b\n644 1000\n755 1000\n ff 00 01\nran\nwritable\n");
}

TEST_CASE("artifacts that match are kept whole, hashed and can be fetched") {
  const Instance cordon;
  auto wish = shell(
      "mkdir -p out/sub; printf hello >out/a.txt; printf x >out/sub/b; printf no >kept-not; head -c 300000 /dev/zero "
      ">out/big");
  wish["collect"] = {"out/*", "out/**/b", "nothing-matches"};
  const auto job = cordon.run(wish);
  INFO(job.dump(2));
  REQUIRE(artifact(job, "out/a.txt") != nullptr);
  CHECK(artifact(job, "out/a.txt")->at("size") == 5);
  CHECK(artifact(job, "out/a.txt")->at("sha256") == cordon::hex(cordon::sha256("hello")));
  CHECK(artifact(job, "out/sub/b") != nullptr);
  CHECK(artifact(job, "kept-not") == nullptr);
  const auto base = "/v1/jobs/" + job.at("id").get<std::string>() + "/artifacts/";
  const auto text = cordon.get(base + "out/a.txt");
  CHECK(text.status == 200);
  CHECK(text.body == "hello");
  CHECK(text.headers.at("repr-digest").starts_with("sha-256=:"));
  CHECK(cordon.get(base + "out/big").body == std::string(300000, '\0'));
  CHECK(cordon.get(base + "kept-not").status == 404);
  CHECK(cordon.get(base + "../../../etc/passwd").status == 404);
}

TEST_CASE("artifacts of a job can be the files of the next") {
  const Instance cordon;
  auto make = shell("mkdir out; printf model >out/m.bin");
  make["collect"] = {"out/*"};
  const auto id = cordon.run(make).at("id");
  auto use = shell("cat m");
  use["files"] = Json::array();
  use["files"].push_back({{"path", "m"}, {"artifact", {{"job", id}, {"path", "out/m.bin"}}}});
  CHECK(cordon.run(use).at("stdout") == "model");
}

TEST_CASE("links, devices, fifos and sockets are never collected, and nothing outside of the scratch through them",
          "[threat:followed-path]") {
  const Instance cordon;
  auto wish = shell(
      "mkdir out; ln -s /etc/passwd out/link; ln -s /etc out/dir; mkfifo out/fifo; printf x >out/real; ln out/real "
      "out/hard;"
      "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('out/sock')\"");
  wish["collect"] = {"out/*", "out/dir/*", "**/passwd", "/etc/passwd"};
  wish["collect"].erase(3);
  const auto job = cordon.run(wish);
  INFO(job.dump(2));
  CHECK(artifact(job, "out/real") != nullptr);
  for (const char* path : {"out/link", "out/dir", "out/fifo", "out/sock", "out/dir/passwd"}) {
    INFO(path);
    CHECK(artifact(job, path) == nullptr);
  }
}

TEST_CASE("a file the tool made unreadable is listed as skipped, and artifacts of a failed job are kept") {
  const Instance cordon;
  auto wish = shell("mkdir out; printf y >out/after; printf x >out/secret; chmod 000 out/secret; sleep 60");
  wish["collect"] = {"out/*"};
  wish["limits"]["wall_ms"] = 1000;
  const auto job = cordon.run(wish);
  INFO(job.dump(2));
  CHECK(job.at("outcome").at("kind") == "timed_out");
  CHECK(artifact(job, "out/after") != nullptr);
  CHECK(artifact(job, "out/secret") == nullptr);
  CHECK(job.at("skipped").size() == 1);
}
