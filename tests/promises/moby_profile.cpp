// Promise (threats.md, "range or not-equal rules"): a profile with Docker's own seccomp file runs jobs, AF_VSOCK cannot
// be reached through the high half of an int, and the launcher tells the operator what it made stricter.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

namespace fs = std::filesystem;

Json docker_file() {
  return Json::parse(read_text(CORDON_SOURCE_DIR "/build/moby/moby.json"));
}

// With the rule for socket that Docker has since 23.0; Debian 12's 20.10 permits every socket.
Json newer_docker_file() {
  auto file = docker_file();
  for (auto& rule : file.at("syscalls")) {
    Json kept = Json::array();
    for (const auto& name : rule.at("names"))
      if (name != "socket") kept.push_back(name);
    rule["names"] = kept;
  }
  const Json not_vsock{{"index", 0}, {"value", 40}, {"op", "SCMP_CMP_NE"}};
  file.at("syscalls")
      .push_back({{"names", {"socket"}}, {"action", "SCMP_ACT_ALLOW"}, {"args", Json::array({not_vsock})}});
  return file;
}

// The shipped profiles and "moby": as the default one, but for its system calls.
class ProfileDirectory {
 public:
  explicit ProfileDirectory(const Json& seccomp) {
    char name[] = "/tmp/cordon-profiles-XXXXXX";
    path_ = ::mkdtemp(name);
    fs::permissions(path_, fs::perms(0755));
    fs::copy(CORDON_SOURCE_DIR "/profiles/data", path_);
    auto profile = Json::parse(read_text(path_ / "default.json"), nullptr, true, true);
    profile["seccomp"] = "moby.seccomp.json";
    std::ofstream(path_ / "moby.json") << profile.dump();
    std::ofstream(path_ / "moby.seccomp.json") << seccomp.dump();
  }
  ~ProfileDirectory() { fs::remove_all(path_); }
  ProfileDirectory(const ProfileDirectory&) = delete;
  ProfileDirectory& operator=(const ProfileDirectory&) = delete;
  Json config() const { return {{"profile_dirs", Json::array({path_.string()})}}; }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("with Docker's system calls a job reaches no vsock, not by the high half of the family either",
          "[threat:range-rules]") {
  const ProfileDirectory profiles(newer_docker_file());
  const Instance cordon(profiles.config());
  const auto job =
      cordon.run({{"profile", "moby"},
                  {"argv",
                   {"python3", "-c",
                    "import ctypes\nlibc=ctypes.CDLL(None,use_errno=True)\n"
                    "def ask(family):\n"
                    " fd=libc.syscall(ctypes.c_long(41),ctypes.c_long(family),ctypes.c_long(1),ctypes.c_long(0))\n"
                    " return 'made' if fd>=0 else ctypes.get_errno()\n"
                    "for high in (0,1<<32,0xffffffff<<32):\n"
                    " for family in (2,16,17,38,40,44): print(family,high>>32,ask(high|family))\n"}}});
  INFO(job.dump(2));
  std::string expected;
  for (const char* high : {"0", "1", "4294967295"}) {
    for (const char* family : {"2", "16", "17", "38", "40", "44"}) {
      const bool may = std::string(family) == "2" && std::string(high) == "0";
      expected += std::string(family) + " " + high + (may ? " made\n" : " 1\n");
    }
  }
  CHECK(job.at("stdout") == expected);
}

TEST_CASE("an operator reads in the launcher's log what of a seccomp file was made stricter", "[threat:range-rules]") {
  const ProfileDirectory profiles(newer_docker_file());
  const Instance cordon(profiles.config());
  const auto log = cordon.logs();
  INFO(log);
  CHECK(log.find("profile moby: socket: argument 0 may only be AF_UNIX, AF_INET or AF_INET6\n") != log.npos);
  CHECK(log.find("profile default: ") == log.npos);
}

TEST_CASE("profile check tells what will be made stricter before any launcher loads the file", "[threat:range-rules]") {
  const ProfileDirectory profiles(newer_docker_file());
  const auto file = profiles.config().at("profile_dirs").at(0).get<std::string>() + "/moby.json";
  const std::string log = file + ".log";
  Process check({CORDON_BIN_DIR "/cordon", "profile", "check", file}, log, false);
  CHECK(check.wait(std::chrono::seconds(20)) == 0);
  const auto told = read_text(log);
  INFO(told);
  CHECK(told.find("  seccomp rule narrowed: socket: argument 0 may only be AF_UNIX, AF_INET or AF_INET6\n") !=
        told.npos);
}

TEST_CASE("with Docker's file as it is jobs run, and the report names what it permits that Cordon's profiles do not",
          "[threat:missing-filter]") {
  const ProfileDirectory profiles(docker_file());
  const Instance cordon(profiles.config());
  const auto permitted = [&](const char* profile) {
    const auto job = cordon.run({{"profile", profile}, {"argv", {"true"}}});
    INFO(job.dump(2));
    CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
    return job.at("enforced").at("seccomp.permitted_by_profile").get<std::string>();
  };
  const auto by_docker = permitted("moby");
  CAPTURE(by_docker);
  for (const char* call : {"io_uring_setup", "prlimit64(RLIMIT_CORE)", "socket(AF_VSOCK)"})
    CHECK(by_docker.find(call) != by_docker.npos);
  CHECK(by_docker.find("mount") == by_docker.npos);
  CHECK(permitted("default") == "none of the dangerous");
}
