// Promise: what a person types becomes exactly the request that api.md describes, or an error that says what to write.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/client.hpp"
#include "cli/failure.hpp"
#include "cli/job_request.hpp"

using namespace cordon::cli;

namespace {

struct ScratchDirectory {
  ScratchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "cordon-cli-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path = name;
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name, const std::string& bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }
  std::filesystem::path path;
};

Json request_of(const JobWish& wish) {
  return Json::parse(job_request(wish));
}

}  // namespace

TEST_CASE("limits take the units people write") {
  const auto [text, name, value] = GENERATE(table<const char*, const char*, double>({
      {"memory_bytes=268435456", "memory_bytes", 268435456},
      {"memory_bytes=256Mi", "memory_bytes", 268435456},
      {"memory_bytes=256MiB", "memory_bytes", 268435456},
      {"scratch_bytes=1.5G", "scratch_bytes", 1500000000},
      {"output_bytes=10k", "output_bytes", 10000},
      {"wall_ms=10000", "wall_ms", 10000},
      {"wall_ms=10s", "wall_ms", 10000},
      {"cpu_ms=2m", "cpu_ms", 120000},
      {"cpu_ms=250ms", "cpu_ms", 250},
      {"cpus=1.5", "cpus", 1.5},
      {"pids=64", "pids", 64},
      {"pids=-1", "pids", -1},  // refused by Cordon itself, with its own words
  }));
  const auto limit = parse_limit(text);
  CHECK(limit.first == name);
  CHECK(limit.second.get<double>() == value);
}

TEST_CASE("a limit that cannot be meant is refused before anything is sent") {
  for (const char* text :
       {"pids", "=3", "wat=3", "pids=", "pids=x", "pids=3k", "pids=1.5", "wall_ms=10q", "wall_ms=1e400",
        "memory_bytes=99999999999999Ti", "memory_bytes=0x10", "cpus=nan", "wall_ms=0.5"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_limit(text), Failure);
  }
}

TEST_CASE("only what was asked for is in a request") {
  CHECK(request_of({.argv = {"true"}}) == Json::parse(R"({"argv":["true"],"wait":false})"));
}

TEST_CASE("files travel as text where they are text and as base64 where they are not") {
  const ScratchDirectory scratch;
  const auto text = scratch.file("in.csv", "a,b\n");
  const auto binary = scratch.file("in.bin", std::string("\xff\x00\x01", 3));
  const auto colon = scratch.file("a:b", "x");
  ::chmod(binary.c_str(), 0750);
  ::chmod(text.c_str(), 0644);
  const auto files = request_of({.files = {text, binary + ":data/model.bin", colon}, .argv = {"true"}}).at("files");
  CHECK(files[0] == Json::parse(R"({"path":"in.csv","content":"a,b\n","encoding":"utf8","mode":"0644"})"));
  CHECK(files[1] == Json::parse(R"({"path":"data/model.bin","content":"/wAB","encoding":"base64","mode":"0750"})"));
  CHECK(files[2].at("path") == "a:b");
  CHECK_THROWS_AS(request_of({.files = {scratch.path.string()}, .argv = {"true"}}), Failure);
  CHECK_THROWS_AS(request_of({.files = {"/nonexistent/file"}, .argv = {"true"}}), Failure);
}

TEST_CASE("environment variables are set or passed on, never half") {
  ::setenv("CORDON_TEST_VARIABLE", "ours", 1);
  const auto env = request_of({.env = {"A=1=2", "EMPTY=", "CORDON_TEST_VARIABLE"}, .argv = {"true"}}).at("env");
  CHECK(env == Json::parse(R"({"A":"1=2","EMPTY":"","CORDON_TEST_VARIABLE":"ours"})"));
  ::unsetenv("CORDON_TEST_VARIABLE");
  CHECK_THROWS_AS(request_of({.env = {"CORDON_TEST_VARIABLE"}, .argv = {"true"}}), Failure);
}

TEST_CASE("a command that is not UTF-8 is refused in words") {
  CHECK_THROWS_AS(job_request({.argv = {"\xff"}}), Failure);
}

TEST_CASE("base64 comes back as the bytes that went in") {
  std::string bytes;
  for (int size = 0; size < 300; ++size) {
    const auto encoded = encode_bytes(bytes);
    CHECK((encoded.encoding == "utf8" ? encoded.content : decode_base64(encoded.content)) == bytes);
    bytes.push_back(static_cast<char>(size * 7));
  }
  CHECK_THROWS_AS(decode_base64("a"), Failure);
  CHECK_THROWS_AS(decode_base64("!!!!"), Failure);
}

TEST_CASE("an artifact's path is one path of a URL whatever bytes it holds") {
  CHECK(percent_encoded("out/a b?#%.png") == "out/a%20b%3F%23%25.png");
  CHECK(percent_encoded("\xff\n") == "%FF%0A");
}
