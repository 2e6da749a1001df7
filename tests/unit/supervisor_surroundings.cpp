// What cordond finds around itself: files, images, peers, its own rights.
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "sandbox/kernel/check.hpp"
#include "supervisor/catalog.hpp"
#include "supervisor/identity.hpp"
#include "supervisor/image_tree.hpp"
#include "supervisor/privileges.hpp"
#include "tests/unit/supervisor_instance.hpp"

using namespace cordon;
using namespace cordon::test;
namespace fs = std::filesystem;

namespace {

void put(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

std::string profile_of(const std::string& why) {
  const std::string limits = R"({"wall_ms": 1, "cpu_ms": 1, "cpus": 1, "memory_bytes": 67108864, "pids": 1,
      "output_bytes": 1, "scratch_bytes": 4096, "scratch_inodes": 1, "file_bytes": 1, "open_files": 16})";
  return R"({"why": ")" + why + R"(", "seccomp": "s.seccomp.json", "limits": )" + limits + R"(, "defaults": )" +
         limits + R"(, "env": {}, "languages": {}, "collect": {"files": 1, "bytes": 1}})";
}

struct Etc {
  Etc() {
    put(dir.path + "/a/default.json", profile_of("first"));
    put(dir.path + "/a/other.json", profile_of("other"));
    put(dir.path + "/b/default.json", profile_of("second"));
    for (const char* at : {"/a", "/b"})
      put(dir.path + at + "/s.seccomp.json", R"({"defaultAction": "SCMP_ACT_ALLOW"})");
    put(config(),
        R"({"profile_dirs": [")" + dir.path + R"(/a", ")" + dir.path + R"(/none", ")" + dir.path + R"(/b"]})");
  }
  std::string config() const { return dir.path + "/cordon.json"; }
  Directory dir;
};

}  // namespace

TEST_CASE("profiles come from all directories, and the later one wins by name") {
  const Etc etc;
  const auto catalog = load_catalog(etc.config());
  REQUIRE(catalog);
  CHECK((*catalog)->profiles.size() == 2);
  CHECK((*catalog)->profiles.at("default").why == "second");
  CHECK((*catalog)->profiles.at("other").why == "other");
}

TEST_CASE("one bad file and nothing is loaded, and it is named") {
  const Etc etc;
  SECTION("a profile") {
    put(etc.dir.path + "/b/broken.json", R"({"why": 1})");
    const auto catalog = load_catalog(etc.config());
    REQUIRE_FALSE(catalog);
    CHECK(catalog.error().file == etc.dir.path + "/b/broken.json");
  }
  SECTION("a seccomp file that is not there") {
    fs::remove(etc.dir.path + "/a/s.seccomp.json");
    CHECK_FALSE(load_catalog(etc.config()));
  }
  SECTION("the configuration") {
    put(etc.config(), R"({"profile_dir": []})");
    const auto catalog = load_catalog(etc.config());
    REQUIRE_FALSE(catalog);
    CHECK(catalog.error().errors.at(0).pointer == "/profile_dir");
  }
  SECTION("no profile at all") {
    put(etc.config(), R"({"profile_dirs": [")" + etc.dir.path + R"(/none"]})");
    CHECK_FALSE(load_catalog(etc.config()));
  }
}

TEST_CASE("a program is looked for inside its image, wherever the image's links point") {
  const Directory dir;
  const auto root = dir.path + "/root";
  put(root + "/usr/bin/tool", "");
  put(dir.path + "/outside", "");
  fs::create_directory_symlink("/usr/bin", root + "/bin");                   // absolute: of the image's root
  fs::create_symlink("../../../../../../../outside", root + "/usr/bin/up");  // stays inside, so it is not there
  fs::create_symlink(dir.path + "/outside", root + "/usr/bin/out");
  fs::create_symlink("loop", root + "/usr/bin/loop");
  const ImageConfig image{root};
  CHECK(image_has(image, "/usr/bin/tool"));
  CHECK(image_has(image, "/bin/tool"));
  CHECK_FALSE(image_has(image, "/usr/bin/none"));
  CHECK_FALSE(image_has(image, "/usr/bin/tool/x"));
  CHECK_FALSE(image_has(image, "/usr/bin/up"));
  CHECK_FALSE(image_has(image, "/usr/bin/out"));
  CHECK_FALSE(image_has(image, "/usr/bin/loop"));
  CHECK(image_has(ImageConfig{}, "/bin/sh"));
  CHECK_FALSE(image_has(ImageConfig{}, "/bin/there-is-no-such-program"));
}

TEST_CASE("a socket is for root and its group, never for nobody", "[threat:fail-open]") {
  CHECK(may_use_socket({0, {}}, 5));
  CHECK(may_use_socket({1000, {4, 5, 6}}, 5));
  CHECK_FALSE(may_use_socket({1000, {4, 6}}, 5));
  CHECK_FALSE(may_use_socket({65534, {5}}, 5));
  CHECK_FALSE(may_use_socket({1000, {static_cast<gid_t>(-1)}}, static_cast<gid_t>(-1)));
}

TEST_CASE("the kernel says who a peer is, and a socket without one has none", "[threat:peer-identity]") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const Fd one(ends[0]), other(ends[1]);
  const auto peer = peer_of(one.get());
  REQUIRE(peer);
  CHECK(peer->uid == ::geteuid());
  CHECK(peer->groups.back() == ::getegid());
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const Fd in(pipe_ends[0]), out(pipe_ends[1]);
  CHECK_FALSE(peer_of(in.get()));
  const Fd unconnected(::socket(AF_UNIX, SOCK_STREAM, 0));
  const auto nobody = peer_of(unconnected.get());
  CHECK_FALSE((nobody && may_use_socket(*nobody, ::getegid())));
}

TEST_CASE("cordond does not run as root") {
  if (::geteuid() == 0) CHECK_THROWS_AS(refuse_privileges(), KernelError);
}
