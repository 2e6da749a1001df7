// Both words of the latch, without a launcher: who can write what, and that whatever cannot be read is engaged.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "sandbox/kernel/check.hpp"
#include "sandbox/latch.hpp"
#include "sandbox/launcher/latch.hpp"
#include "sandbox/stop_all.hpp"

namespace cordon {
namespace {

namespace fs = std::filesystem;

struct Places : StopAllPlaces {
  Places() {
    char name[] = "/tmp/cordon-latch-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    root = name;
    runtime_dir = root + "/run";
    state_dir = root + "/state";
    fs::create_directory(runtime_dir);
    fs::create_directory(state_dir);
  }
  ~Places() { fs::remove_all(root); }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;
  std::string root;
};

template <typename Closed>
bool is_closed(const Latch& latch, std::uint64_t generation) {
  try {
    expect_open(latch, generation);
    return false;
  } catch (const LatchClosed& closed) {
    return std::holds_alternative<Closed>(closed.ending);
  }
}

void engage_by_hand(const std::string& directory, const std::string& text) {
  std::ofstream(directory + "/stop-all") << text;
}

TEST_CASE("the latch's page is one word that nobody can resize, and whoever maps it sees each change at once",
          "[threat:kill-latch]") {
  const auto page = make_latch_page();
  CHECK(read_generation(page.get()) == 0);
  LatchPage cordond(page);
  cordond.set(7);
  CHECK(read_generation(page.get()) == 7);
  CHECK(::ftruncate(page.get(), 0) < 0);
  CHECK(::ftruncate(page.get(), 4096) < 0);
  CHECK(read_generation(page.get()) == 7);
}

TEST_CASE("a latch page that could be resized is not taken", "[threat:kill-latch]") {
  const Fd loose(::memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(::ftruncate(loose.get(), 8) == 0);
  CHECK_THROWS_AS(LatchPage(loose), KernelError);
}

TEST_CASE("the latch is open for its own generation only, and never for what cannot be read", "[threat:kill-latch]") {
  const Places places;
  Latch latch{make_latch_page(), {places.runtime_dir, places.state_dir}};
  LatchPage(latch.page).set(3);
  CHECK_NOTHROW(expect_open(latch, 3));
  CHECK(is_closed<Stale>(latch, 2));
  CHECK(is_closed<Stale>(latch, 4));
  latch.page.reset();
  CHECK_THROWS_AS(expect_open(latch, 3), KernelError);
}

TEST_CASE("root's stop-all closes the latch from either directory, whatever stands in the file or bears its name",
          "[threat:kill-latch]") {
  const Places places;
  Latch latch{make_latch_page(), {places.runtime_dir, places.state_dir}};
  LatchPage(latch.page).set(1);
  for (const auto& directory : {places.runtime_dir, places.state_dir}) {
    const auto word = directory + "/stop-all";
    engage_by_hand(directory, "");
    CHECK(is_closed<Stopped>(latch, 1));
    engage_by_hand(directory, std::string(20'000, '='));
    CHECK(is_closed<Stopped>(latch, 1));
    fs::remove(word);
    fs::create_directory(word);
    CHECK(is_closed<Stopped>(latch, 1));
    fs::remove(word);
    REQUIRE(::mkfifo(word.c_str(), 0644) == 0);  // to open it must not block
    CHECK(is_closed<Stopped>(latch, 1));
    fs::remove(word);
    fs::create_symlink("/nowhere", word);
    CHECK_THROWS_AS(expect_open(latch, 1), KernelError);
    fs::remove(word);
    CHECK_NOTHROW(expect_open(latch, 1));
  }
}

TEST_CASE("where one of the two directories is gone nothing starts", "[threat:kill-latch]") {
  const Places places;
  Latch latch{make_latch_page(), {places.runtime_dir, places.state_dir}};
  LatchPage(latch.page).set(1);
  fs::remove(places.state_dir);
  CHECK_THROWS_AS(expect_open(latch, 1), KernelError);
}

TEST_CASE("root's word says who, when and why, and is released in both places") {
  const Places places;
  engage_by_hand(places.state_dir, "ENGAGED_AT_MS=1700000000123\nBY=uid:0\nREASON=a=b c\n");
  const auto word = read_stop_all(places);
  REQUIRE(word);
  CHECK(word->by == "uid:0");
  CHECK(word->reason == "a=b c");
  CHECK(word->engaged_at.time_since_epoch() == std::chrono::milliseconds(1700000000123));
  engage_by_hand(places.runtime_dir, "");
  CHECK(release_stop_all(places));
  CHECK_FALSE(read_stop_all(places));
  CHECK_FALSE(release_stop_all(places));
}

TEST_CASE("the launcher's file is believed only when nobody but root could have written it", "[threat:kill-latch]") {
  const Places places;
  const auto file = places.runtime_dir + "/launcher.env";
  CHECK_THROWS_AS(read_launcher_file(places.runtime_dir), KernelError);
  write_launcher_file(places.runtime_dir, {"/sys/fs/cgroup/x", "/var/lib/x"});
  if (::geteuid() != 0) {
    CHECK_THROWS_AS(read_launcher_file(places.runtime_dir), KernelError);  // it is ours, and we are not root
    return;
  }
  CHECK(read_launcher_file(places.runtime_dir).jobs_cgroup == "/sys/fs/cgroup/x");
  CHECK(read_launcher_file(places.runtime_dir).state_dir == "/var/lib/x");
  REQUIRE(::chmod(file.c_str(), 0666) == 0);
  CHECK_THROWS_AS(read_launcher_file(places.runtime_dir), KernelError);
  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  REQUIRE(::chown(file.c_str(), 12345, 0) == 0);
  CHECK_THROWS_AS(read_launcher_file(places.runtime_dir), KernelError);
  fs::rename(file, places.root + "/elsewhere");
  REQUIRE(::chown((places.root + "/elsewhere").c_str(), 0, 0) == 0);
  fs::create_symlink(places.root + "/elsewhere", file);
  CHECK_THROWS_AS(read_launcher_file(places.runtime_dir), KernelError);
}

}  // namespace
}  // namespace cordon
