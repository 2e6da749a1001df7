// Promise (threats.md): what attacks on this Cordon have found stays mended. Each test is one attack.
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

TEST_CASE("health is told at once while jobs run, and asking costs the launcher nothing",
          "[threat:supervisor-starved]") {
  const Instance cordon;
  cordon.submit({{"argv", Json::array({"sleep", "20"})}, {"limits", {{"wall_ms", 30000}}}});
  const auto before = cordon.counts();
  for (int i = 0; i < 200; ++i) REQUIRE(cordon.get("/healthz").status == 200);
  CHECK(cordon.counts().processes <= before.processes + 3);  // the job itself may still have been on its way
}

TEST_CASE("socket buffers do not evade the memory limit", "[threat:bombs]") {
  const Instance cordon;
  auto job = python(
      "import socket\n"
      "s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(500); k=[]; total=0; b=b'x'*(1<<20)\n"
      "while len(k)<200 and total<300<<20:\n"
      "  a=socket.socket(); a.connect(s.getsockname()); c,_=s.accept(); a.setblocking(0); k+=[a,c]\n"
      "  try:\n"
      "    while 1: total+=a.send(b)\n"
      "  except BlockingIOError: pass\n"
      "print(total>>20)\n");
  job["limits"] = {{"memory_bytes", 64 << 20}, {"scratch_bytes", 4096}, {"open_files", 256}};
  const auto report = cordon.run(job);
  INFO(report.dump(2));
  const bool ended = report.at("outcome").at("kind") == "out_of_memory";
  const bool held =
      report.at("outcome").at("kind") == "exited" && std::stoi("0" + report.at("stdout").get<std::string>()) <= 128;
  CHECK((ended || held));
}

TEST_CASE("no profile lets a tool lower its core limit to 0, which would start a core handler as root on the host",
          "[threat:bombs]") {
  const Instance cordon;
  for (const char* profile : {"default", "compile", "strict", "root-inside"}) {
    auto job = python(
        "import resource\n"
        "try: resource.setrlimit(resource.RLIMIT_CORE,(0,0))\n"
        "except OSError as e: print('refused')\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n");
    job["profile"] = profile;
    const auto report = cordon.run(job);
    INFO(report.dump(2));
    CHECK(report.at("stdout") == "refused\n(1, 1)\n");
  }
}

TEST_CASE("cancelling a job also ends its collection", "[threat:followed-path]") {
  const Instance cordon;
  auto job = python(
      "import os\n"
      "os.mkdir('d')\n"
      "for i in range(12000): open('d/'+'a'*240+'%06d'%i,'w').close()\n");
  job["limits"] = {{"scratch_inodes", 16000}};
  job["collect"] = Json::array();
  for (int i = 0; i < 60; ++i)
    job["collect"].push_back("*/*[" + std::string(200, 'c') + static_cast<char>('0' + i) + "x]y");
  const auto begun = std::chrono::steady_clock::now();
  const auto id = cordon.submit(job).at("id").get<std::string>();
  REQUIRE(cordon.remove("/v1/jobs/" + id).status == 200);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(15));
}

TEST_CASE("a path that is too long is skipped, and what stands behind it is collected all the same",
          "[threat:followed-path]") {
  const Instance cordon;
  auto job = python(
      "import os\n"
      "open('aaa','w').write('1'); open('zzz','w').write('2'); os.mkdir('m'); os.chdir('m')\n"
      "for i in range(18): os.mkdir('d'*240); os.chdir('d'*240)\n"
      "open('bottom','w').close()\n");
  job["collect"] = Json::array({"**"});
  const auto report = cordon.run(job);
  INFO(report.dump(2));
  REQUIRE(report.at("artifacts").size() == 2);
  CHECK(report.at("artifacts").at(1).at("path") == "zzz");
  CHECK(report.at("skipped").size() == 1);
}

TEST_CASE("a program is looked for in the job's own PATH") {
  const Instance cordon;
  const auto report = cordon.run(
      {{"argv", Json::array({"mytool"})},
       {"env", {{"PATH", "/work/bin:/usr/bin:/bin"}}},
       {"files", Json::array({{{"path", "bin/mytool"}, {"content", "#!/bin/sh\necho found\n"}, {"mode", "0755"}}})}});
  CHECK(report.at("stdout") == "found\n");
}

TEST_CASE("a job cannot watch what others open in the image they share", "[threat:shared-ipc]") {
  const Instance cordon;
  const auto report = cordon.run(python(
      "import ctypes,os\nfd=ctypes.CDLL(None,use_errno=True).inotify_init1(0)\nprint(fd, ctypes.get_errno())\n"));
  CHECK(report.at("stdout") == "-1 38\n");
}
