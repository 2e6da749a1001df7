// Promise (threats.md, "a root daemon follows a path the job controls"): a collection ends in bounded time and within
// the profile's bounds, whatever a job leaves for it and however many globs ask, and says what it left out.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/promises/artifact_download.hpp"

using namespace cordon::test;

namespace {

using Seconds = std::chrono::duration<double>;

// collector.cpp: ten seconds of CPU, thirty in all; the rest is for the launch and for taking the sandbox down.
constexpr Seconds collection_bound{40};

struct Timed {
  Json job;
  Seconds beyond_the_tool;  // from asking to the answer, without what the tool took
};

Timed run_timed(const Instance& cordon, Json wish) {
  const auto begin = std::chrono::steady_clock::now();
  auto job = cordon.run(std::move(wish));
  const Seconds taken = std::chrono::steady_clock::now() - begin;
  const Seconds tool{job.at("usage").at("wall_ms").get<double>() / 1000};
  return {std::move(job), taken - tool};
}

std::string about(const Timed& timed) {
  auto job = timed.job;
  const auto skipped = job.at("skipped").size(), artifacts = job.at("artifacts").size();
  return std::to_string(timed.beyond_the_tool.count()) + " s beyond the tool; " + std::to_string(artifacts) +
         " artifacts, " + std::to_string(skipped) + " skipped\n" + job.at("outcome").dump() +
         job.at("stdout").get<std::string>() + job.at("stderr").get<std::string>() +
         (skipped > 0 ? job.at("skipped").back().dump() : "");
}

bool ended_well(const Timed& timed) {
  return timed.job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}) && timed.beyond_the_tool < collection_bound;
}

std::string note_of(const Json& job) {
  const auto skipped = skipped_of(job);
  const auto at = skipped.find("");
  return at == skipped.end() ? "" : at->second;
}

}  // namespace

TEST_CASE("a directory of very many files with other names hides no artifact and takes bounded time",
          "[threat:followed-path]") {
  const Instance cordon;
  auto wish = python(
      "import os\nos.mkdir('d'); os.chdir('d')\n"
      "for i in range(200000): os.close(os.open('noise%06d' % i, os.O_CREAT | os.O_WRONLY))\n"
      "open('wanted', 'w').write('here')\n",
      {"d/wanted"});
  wish["limits"] = {{"scratch_inodes", 262144}, {"memory_bytes", 1U << 30}, {"wall_ms", 120000}, {"cpu_ms", 120000}};
  const auto timed = run_timed(cordon, wish);
  INFO(about(timed));
  REQUIRE(ended_well(timed));
  CHECK(download_artifacts(cordon, timed.job) == std::map<std::string, std::string>{{"d/wanted", "here"}});
  CHECK(timed.job.at("skipped").empty());
}

TEST_CASE("of more files than the profile's bound as many are kept, the next are listed and the others counted",
          "[threat:followed-path]") {
  const Instance cordon;
  auto wish =
      python("import os\nos.mkdir('d')\nfor i in range(3000): open('d/%05d' % i, 'w').write(str(i))\n", {"d/*"});
  const auto timed = run_timed(cordon, wish);
  INFO(about(timed));
  REQUIRE(ended_well(timed));
  CHECK(download_artifacts(cordon, timed.job).size() == 256);
  CHECK(skipped_of(timed.job).at("d/00256") == "more files than the profile's collect.files");
  CHECK(timed.job.at("skipped").size() == 257);
  CHECK(note_of(timed.job) == "2488 more were skipped");
}

TEST_CASE("files of more bytes than the bound are skipped, and smaller ones behind them still collected",
          "[threat:followed-path]") {
  const Instance cordon;
  auto wish = python(
      "import os\nos.mkdir('d')\n"
      "for i in range(5): open('d/%d' % i, 'wb').write(os.urandom(5 << 20))\nopen('d/z', 'w').write('z')\n",
      {"d/*"});
  wish["profile"] = "strict";
  wish["limits"] = {{"scratch_bytes", 48 << 20}, {"file_bytes", 8 << 20}};
  const auto timed = run_timed(cordon, wish);
  INFO(about(timed));
  REQUIRE(ended_well(timed));
  const auto artifacts = download_artifacts(cordon, timed.job);
  CHECK(artifacts.size() == 4);
  CHECK(artifacts.at("d/2").size() == 5U << 20);
  CHECK(artifacts.at("d/z") == "z");
  for (const char* name : {"d/3", "d/4"})
    CHECK(skipped_of(timed.job).at(name) == "more bytes than the profile's collect.bytes");
}

TEST_CASE("a sparse file as large as file systems allow costs nothing and is listed as skipped",
          "[threat:followed-path]") {
  // A profile of the test's own: the shipped ones have no file_bytes as large.
  const std::string dir = "/var/tmp/cordon-profiles." + std::to_string(::getpid());
  std::filesystem::create_directory(dir);
  auto profile = Json::parse(std::ifstream(CORDON_SOURCE_DIR "/profiles/data/default.json"));
  for (const char* part : {"limits", "defaults"}) profile[part]["file_bytes"] = std::uint64_t{1} << 50;
  std::ofstream(dir + "/default.json") << profile.dump();
  std::filesystem::copy(CORDON_SOURCE_DIR "/profiles/data/default.seccomp.json", dir);
  {
    const Instance cordon(Json{{"profile_dirs", Json::array({dir})}});
    const auto timed =
        run_timed(cordon, python("import os, signal\n"
                                 "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
                                 "for n, size in {'pib': 1 << 50, 'eib': (1 << 63) - 1, 'fit': 32 << 20}.items():\n"
                                 "    f = open(n, 'wb')\n"
                                 "    try: f.truncate(size); print(n, size)\n"
                                 "    except OSError as e: print('held:', n, e.strerror)\n"
                                 "for i in range(20): open('s%02d' % i, 'wb').truncate(60 << 20)\n",
                                 {"*"}));
    INFO(about(timed));
    REQUIRE(ended_well(timed));
    CHECK(timed.job.at("stdout") == "pib 1125899906842624\nheld: eib File too large\nfit 33554432\n");
    const auto artifacts = download_artifacts(cordon, timed.job);
    CHECK(artifacts.at("fit") == std::string(32 << 20, '\0'));
    CHECK(artifacts.at("eib").empty());
    std::size_t bytes = 0;
    for (const auto& [path, content] : artifacts) bytes += content.size();
    CHECK(bytes <= 64U << 20);  // no more than the scratch could hold
    CHECK(skipped_of(timed.job).at("pib") == "more bytes than the profile's collect.bytes");
  }
  std::filesystem::remove_all(dir);
}

TEST_CASE("directories 4,096 deep and paths longer than paths can be end a walk, not the collection",
          "[threat:followed-path]") {
  const Instance cordon;
  const auto timed =
      run_timed(cordon, python("import os\n"
                               "def dig(top, name, depth):\n"
                               "    os.mkdir(top); os.chdir(top)\n"
                               "    for i in range(depth): os.mkdir(name); os.chdir(name)\n"
                               "    open('bottom', 'w').write('bottom'); os.chdir('/work')\n"
                               "dig('deep', 'd', 4096)\ndig('long', 'l' * 255, 30)\n"
                               "open('top', 'w').write('top'); os.makedirs('x/y/z'); open('x/y/z/f', 'w').write('f')\n",
                               {"**", "**/bottom", "deep/**/d/**/bottom"}));
  INFO(about(timed));
  REQUIRE(ended_well(timed));
  CHECK(download_artifacts(cordon, timed.job) == std::map<std::string, std::string>{{"top", "top"}, {"x/y/z/f", "f"}});
  std::string deepest = "deep";
  for (int i = 0; i < 64; ++i) deepest += "/d";
  CHECK(skipped_of(timed.job).at(deepest) == "more than 64 directories deep");
  CHECK(timed.job.at("skipped").size() == 2);
}

TEST_CASE("globs made to take for ever take bounded time, and what they do not concern is collected",
          "[threat:followed-path]") {
  const Instance cordon;
  const auto repeated = [](const std::string& part, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += part;
    return all;
  };
  auto globs = Json::array({"plain", "**/" + repeated("*a", 126) + "b", "**/" + repeated("*[a-z]", 42) + "0",
                            "**/" + repeated("*?", 127) + "0", "**/" + repeated("[!b]*", 50) + "0",
                            repeated("**/", 1000) + "found", repeated("**/a/", 700) + "x", repeated("*/**/", 600) + "y",
                            repeated("[", 254), repeated("\\", 254), repeated("*", 254), repeated("*/", 2000) + "z"});
  const auto timed = run_timed(cordon, python("import os\n"
                                              "open('plain', 'w').write('plain')\n"
                                              "for i in range(40):\n"
                                              "    os.mkdir('a'); os.chdir('a')\n"
                                              "    for j in range(40): open('a' * 240 + '%02d' % j, 'w').close()\n"
                                              "open('found', 'w').write('found')\n",
                                              globs));
  INFO(about(timed));
  REQUIRE(ended_well(timed));
  const auto artifacts = download_artifacts(cordon, timed.job);
  CHECK(artifacts.at("plain") == "plain");
  CHECK(artifacts.contains(repeated("a/", 40) + "found"));
}
