// Bite (issue "Containment, proven", must show): without one property of one mount, a job would see or change more.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/bite/wall.hpp"

using namespace cordon::bite;
using cordon::test::Instance;

namespace {

class FileOfHost {
 public:
  explicit FileOfHost(std::string path) : path_(std::move(path)) { std::ofstream(path_) << "of the host\n"; }
  ~FileOfHost() { std::filesystem::remove(path_); }
  FileOfHost(const FileOfHost&) = delete;
  FileOfHost& operator=(const FileOfHost&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("an image is not written by its read-only mount, by a job's own view of it and by Landlock, each alone",
          "[bite][threat:readonly-remount]") {
  const Ground ground;
  const auto file = (ground.image().root() / "open").string();
  const Wall wall{{Step::read_only, Step::image_view, Step::landlock}, over("write", "/open")};
  {
    // All but one, each in turn, and as shipped: the host's file stays what it is.
    const LeavingOut cordon(ground.config());
    cordon.leave_out({Step::read_only, Step::landlock, Step::read_back, Step::self_probe});
    CHECK(verdict(cordon.cordon().run(wall.probe)) == "held");
    CHECK(cordon::test::read_text(file) == "for all\n");
  }
  expect_bite(ground, wall);
  CHECK(cordon::test::read_text(file) == "biteall\n");  // the proof that it was the host's
}

TEST_CASE("root inside writes into its own copy of an image: without its own view it would write into the image",
          "[bite][threat:readonly-remount]") {
  const Ground ground;
  const auto file = (ground.image().root() / "open").string();
  auto job = over("write", "/open");
  job["profile"] = "root-inside";
  const auto with_all = Instance(ground.config()).run(job);
  CHECK(cordon::test::read_text(file) == "for all\n");
  const LeavingOut missing(ground.config());
  missing.leave_out(what_notices);
  const auto with_view = missing.cordon().run(job);
  CHECK(cordon::test::read_text(file) == "for all\n");
  missing.leave_out(with({Step::image_view}, what_notices));
  const auto without_view = missing.cordon().run(job);
  INFO(with_all.dump() << with_view.dump() << without_view.dump());
  CHECK(verdict(without_view) == "GOT THROUGH");
  CHECK(cordon::test::read_text(file) == "biteall\n");
}

TEST_CASE("a device node of an image is dead by nodev", "[bite][threat:image-symlink]") {
  const Ground ground;
  expect_bite(ground, {{Step::nodev}, over("read", "/device")});
}

TEST_CASE("a device node in an image's own /dev is dead by nodev and hidden by a fresh /dev, each alone",
          "[bite][threat:image-symlink]") {
  const Ground ground;
  expect_bite(ground, {{Step::nodev, Step::fresh_dev}, over("read", "/dev/hidden")});
}

TEST_CASE("a job does not see the host's /dev/shm: it has its own", "[bite][threat:shared-ipc]") {
  const Ground ground;
  const FileOfHost file("/dev/shm/cordon-bite-" + std::to_string(::getpid()));
  expect_bite(ground, {{Step::own_shm}, over("read", file.path())});
}

TEST_CASE(
    "the host's files are out of reach: nothing of them is mounted, the old root is detached, Landlock, each alone",
    "[bite][threat:leaked-fd]") {
  const Ground ground;
  const FileOfHost file(ground.image().outside() / "of-the-host");
  // The kernel makes no user namespace for who has more above his root (user_namespaces(7), EPERM).
  expect_bite(ground, {{Step::small_namespace, Step::old_root, Step::landlock},
                       over("read", "/.." + file.path()),
                       {Step::user_namespace}});
}

TEST_CASE("/proc tells of processes only, by subset=pid", "[bite][threat:procfs-redirect]") {
  const Ground ground;
  expect_bite(ground, {{Step::proc_subset}, over("read", "/proc/version")});
}

TEST_CASE("/proc is not written, by its read-only mount and by Landlock, each alone",
          "[bite][threat:procfs-redirect]") {
  const Ground ground;
  expect_bite(ground, {{Step::proc_read_only, Step::landlock}, over("write", "/proc/self/comm")});
}
