// Promise (issue "The main job", 3): an image is a root file system of the administrator's choice, and whatever stands
// in it, a job's /dev, /proc, /etc, /tmp and /work are Cordon's own.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

namespace fs = std::filesystem;

Json config_with(const std::string& name, const fs::path& rootfs) {
  return {{"images", {{"host", Json::object()}, {name, {{"rootfs", rootfs.string()}}}}}};
}

class TemporaryTree {
 public:
  TemporaryTree() {
    char name[] = "/var/tmp/cordon-rootfs.XXXXXX";
    path_ = ::mkdtemp(name);
    ::chmod(name, 0755);
  }
  ~TemporaryTree() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("a tree made by mmdebstrap is an image in which python and a compiler work") {
  const fs::path tree = CORDON_SOURCE_DIR "/build/vm/tree";
  REQUIRE(fs::exists(tree / "etc/debian_version"));
  const Instance cordon(config_with("debian", tree));
  auto job = cordon.run({{"image", "debian"}, {"argv", Json::array({"python3", "-c", "print(6*7)"})}});
  CHECK(job.at("stdout") == "42\n");
  CHECK(job.at("image") == "debian");
  CHECK(job.at("enforced").at("mount./").get<std::string>().starts_with("overlay ro,nosuid,nodev"));
  job = cordon.run({{"image", "debian"}, {"argv", Json::array({"cat", "/etc/hostname"})}});
  CHECK(job.at("stdout") == "cordon-vm\n");
  job = cordon.run({{"image", "debian"}, {"argv", Json::array({"cat", "/etc/shadow"})}});
  CHECK(job.at("outcome").at("code") == 1);
  job = cordon.run({{"image", "debian"},
                    {"profile", "compile"},
                    {"argv", Json::array({"sh", "-c", "echo 'int main(){return 42;}' >a.c && gcc a.c && ./a.out"})}});
  CHECK(job.at("outcome").at("code") == 42);
}

TEST_CASE("in a hostile image the links in the place of mount points lead nowhere, and setuid has no effect",
          "[threat:image-symlink]") {
  const TemporaryTree image, target;
  for (const char* name : {"dev", "proc", "sys", "tmp", "run", "etc", "work"})
    fs::create_directory_symlink(target.path(), image.path() / name);
  fs::create_directory(image.path() / "bin");
  fs::copy_file(CORDON_PROBE_DIR "/look_around", image.path() / "bin/look_around");
  REQUIRE(::chmod((image.path() / "bin/look_around").c_str(), 04755) == 0);
  const Instance cordon(config_with("hostile", image.path()));
  auto wish = probe("look_around");
  wish["image"] = "hostile";
  const auto job = cordon.run(wish);
  INFO(job.dump(2));
  CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(fs::is_empty(target.path()));
  for (const char* point : {"/dev", "/proc", "/tmp", "/work", "/dev/shm"})
    CHECK(job.at("enforced").contains(std::string("mount.") + point));
}

TEST_CASE("a job that names an image that is not there is refused with the names of those that are") {
  const Instance cordon;
  const auto answer = cordon.post({{"image", "nowhere"}, {"argv", Json::array({"true"})}});
  CHECK(answer.status == 400);
  CHECK(answer.json().at("code") == "unknown_image");
  CHECK(answer.json().at("errors").at(0).at("pointer") == "/image");
  CHECK(answer.body.find("host") != std::string::npos);
}
