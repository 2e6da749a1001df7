// Promise (threats.md, "a root daemon follows a path the job controls"), at full size: as many files as the most
// generous profile allows neither hold up the collection nor what comes after it. Takes about a gigabyte of memory.
#include <catch2/catch.hpp>

#include "tests/promises/artifact_download.hpp"

using namespace cordon::test;

namespace {

// collector.cpp: thirty seconds for the collection; the rest for a sandbox of a million files to be taken down.
constexpr std::chrono::seconds bound{60};

Json flood(const std::string& code, const Json& collect) {
  Json wish{{"argv", {"python3", "-c", "import os\n" + code}}, {"collect", collect}, {"profile", "compile"}};
  wish["limits"] = {{"scratch_inodes", 1048576},
                    {"memory_bytes", std::uint64_t{3} << 30},
                    {"scratch_bytes", 64 << 20},
                    {"wall_ms", 300000},
                    {"cpu_ms", 300000}};
  return wish;
}

Json run_bounded(const Instance& cordon, const Json& wish) {
  const auto begin = std::chrono::steady_clock::now();
  auto job = cordon.finished(cordon.submit(wish).at("id"), std::chrono::seconds(400));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  const auto tool = job.at("usage").at("wall_ms").get<double>() / 1000;
  WARN("the tool took " << tool << " s, all the rest " << taken.count() - tool << " s");
  CHECK(taken.count() - tool < bound.count());
  return job;
}

}  // namespace

TEST_CASE("a million files in one directory: the one that was asked for is collected", "[threat:followed-path]") {
  const Instance cordon;
  const auto job =
      run_bounded(cordon, flood("for i in range(1040000): os.close(os.open('%d' % i, os.O_CREAT | os.O_WRONLY))\n"
                                "open('a', 'w').write('first')\n",
                                {"a", "1000000"}));
  INFO(job.at("outcome").dump() << job.at("stderr") << job.at("skipped").dump());
  REQUIRE(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(download_artifacts(cordon, job) == std::map<std::string, std::string>{{"1000000", ""}, {"a", "first"}});
  CHECK(job.at("skipped").empty());
}

TEST_CASE("a million files in a thousand directories, all asked for: as many as allowed, and a note of the others",
          "[threat:followed-path]") {
  const Instance cordon;
  const auto job =
      run_bounded(cordon, flood("for d in range(1000):\n"
                                "    os.mkdir('%04d' % d); os.chdir('%04d' % d)\n"
                                "    for i in range(1000): os.close(os.open('%03d' % i, os.O_CREAT | os.O_WRONLY))\n"
                                "    os.chdir('..')\n",
                                {"**", "**/*", "*/[0-9]*"}));
  INFO(job.at("outcome").dump() << job.at("stderr"));
  REQUIRE(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(download_artifacts(cordon, job).size() == 1024);
  const auto skipped = skipped_of(job);
  CHECK(skipped.size() == 257);
  CHECK(skipped.at("").find("not all were looked at") != std::string::npos);
  CHECK(skipped.at("").find("more were skipped") != std::string::npos);
}
