// Promise (issue 8): an archive cannot put anything outside of the image's tree, nor more into it than the bounds
// allow; whatever is refused is refused with its place.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "cli/failure.hpp"
#include "cli/image/layer.hpp"
#include "cli/image/source.hpp"
#include "sandbox/kernel/fd.hpp"
#include "tests/unit/archives.hpp"

using namespace cordon;
using namespace cordon::cli;
using namespace cordon::cli::image;
using namespace cordon::test;
namespace fs = std::filesystem;

namespace {

class Unpacking {
 public:
  explicit Unpacking(Bounds bounds = {}) : bounds_(bounds) {
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
    fs::create_directory(path_ + "/tree");
    fs::create_directory(path_ + "/scratch");
    folder_.reset(::open((path_ + "/tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    tree_.emplace(folder_.get(), bounds_);
  }
  ~Unpacking() { fs::remove_all(path_); }
  Unpacking(const Unpacking&) = delete;
  Unpacking& operator=(const Unpacking&) = delete;

  void apply(const std::vector<Entry>& entries, Packing packing = Packing::none) {
    const auto archive = archive_of(entries, packing);
    apply_layer(archive.get(), "layer 1", *tree_, bounds_);
  }
  // "" when it was taken; otherwise what the refusal says.
  std::string refusal(const std::vector<Entry>& entries, Packing packing = Packing::none) {
    try {
      apply(entries, packing);
      return "";
    } catch (const Failure& failure) {
      return failure.what();
    }
  }
  Unpacked unpack(int source) {
    const Fd scratch(::open((path_ + "/scratch").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return unpack_source(source, scratch.get(), *tree_, bounds_);
  }
  std::string at(const std::string& path) const { return path_ + "/tree/" + path; }
  std::string text(const std::string& path) const {
    std::ostringstream text;
    text << std::ifstream(at(path)).rdbuf();
    return std::move(text).str();
  }
  const std::string& outside() const { return path_; }
  Tree& tree() { return *tree_; }

 private:
  std::string path_ = "/tmp/cordon-image-XXXXXX";
  Bounds bounds_;
  Fd folder_;
  std::optional<Tree> tree_;
};

}  // namespace

TEST_CASE("an image's files, directories and links come as they are") {
  Unpacking u;
  u.apply({folder("./"),
           folder("./usr"),
           folder("usr/bin"),
           {"usr/bin/tool", "#!", AE_IFREG, "", false, 0755},
           link_to("bin", "usr/bin"),
           hard_link_to("usr/bin/same", "usr/bin/tool"),
           {"bin/other", "x"}});
  CHECK(u.text("usr/bin/tool") == "#!");
  CHECK(u.text("usr/bin/same") == "#!");
  CHECK(u.text("usr/bin/other") == "x");  // through the link, as with the tree as the root
  CHECK(fs::read_symlink(u.at("bin")) == "usr/bin");
  CHECK((fs::status(u.at("usr/bin/tool")).permissions() & fs::perms::others_exec) != fs::perms::none);
}

TEST_CASE("no path of an archive leads out of the tree", "[threat:image-archive]") {
  Unpacking u;
  const auto outside = u.outside() + "/victim";
  fs::create_directory(outside);
  std::ofstream(outside + "/file") << "mine";
  CHECK(u.refusal({{"../victim/file", "theirs"}}).find("..") != std::string::npos);
  CHECK(u.refusal({{"a/../../victim/file", "theirs"}}).find("layer 1, a/../../victim/file") == 0);
  CHECK_FALSE(u.refusal({link_to("out", outside), {"out/file", "theirs"}}).empty());
  CHECK_FALSE(u.refusal({link_to("up", "../victim"), {"up/new", "theirs"}}).empty());
  CHECK_FALSE(u.refusal({hard_link_to("h", "../victim/file")}).empty());
  CHECK_FALSE(u.refusal({link_to("l", outside + "/file"), hard_link_to("h", "l/file")}).empty());
  CHECK(u.refusal({link_to("f", outside + "/file"), {"f", "theirs"}}).empty());  // the link is replaced, not followed
  CHECK(u.text("f") == "theirs");
  std::ostringstream kept;
  kept << std::ifstream(outside + "/file").rdbuf();
  CHECK(kept.str() == "mine");
  CHECK_FALSE(fs::exists(outside + "/new"));
}

TEST_CASE("an absolute path is one within the tree") {
  Unpacking u;
  u.apply({{"/etc/passwd", "theirs"}});
  CHECK(u.text("etc/passwd") == "theirs");
}

TEST_CASE("devices and FIFOs are left out, set-user-id bits are taken off, and both are told") {
  Unpacking u;
  u.apply({{"dev", "", AE_IFCHR}, {"fifo", "", AE_IFIFO}, {"su", "x", AE_IFREG, "", false, 06755}});
  CHECK_FALSE(fs::exists(fs::symlink_status(u.at("dev"))));
  CHECK_FALSE(fs::exists(fs::symlink_status(u.at("fifo"))));
  struct stat it {};
  REQUIRE(::stat(u.at("su").c_str(), &it) == 0);
  CHECK((it.st_mode & 07000) == 0);
  CHECK(u.tree().notes().at("devices, FIFOs and sockets left out") == 2);
  CHECK(u.tree().notes().at("set-user-id and set-group-id bits taken off") == 1);
}

TEST_CASE("whiteouts remove what lower layers have, and nothing of their own layer") {
  Unpacking u;
  u.apply({folder("d"), {"d/old", "1"}, {"d/kept", "1"}, {"gone", "1"}, folder("tree"), {"tree/deep/leaf", "1"}});
  u.apply({{"d/new", "2"}, {"d/.wh..wh..opq"}, {".wh.gone"}, {".wh.tree"}, {"fresh", "2"}, {".wh.fresh"}});
  CHECK(u.text("d/new") == "2");
  CHECK_FALSE(fs::exists(u.at("d/old")));
  CHECK_FALSE(fs::exists(u.at("d/kept")));
  CHECK_FALSE(fs::exists(u.at("gone")));
  CHECK_FALSE(fs::exists(u.at("tree")));
  CHECK(u.text("fresh") == "2");
  CHECK_FALSE(fs::exists(u.at("d/.wh..wh..opq")));
  CHECK_FALSE(u.refusal({{".wh..."}}).empty());
}

TEST_CASE("a whiteout cannot remove what is outside", "[threat:image-archive]") {
  Unpacking u;
  std::ofstream(u.outside() + "/victim") << "mine";
  CHECK_FALSE(u.refusal({{"../.wh.victim"}}).empty());
  CHECK_FALSE(u.refusal({link_to("up", ".."), {"up/.wh.victim"}}).find("removed") != std::string::npos);
  CHECK(fs::exists(u.outside() + "/victim"));
}

TEST_CASE("what is too much when unpacked is refused: entries, bytes, ratio", "[threat:image-archive]") {
  Bounds few;
  few.entries = 3;
  CHECK(Unpacking(few).refusal({folder("a"), folder("b"), folder("c"), folder("d")}).find("more than 3 entries") !=
        std::string::npos);
  Bounds small;
  small.bytes = 1000;
  CHECK(Unpacking(small).refusal({{"f", std::string(1001, 'x')}}).find("more than 1000 bytes") != std::string::npos);
  Bounds thin;
  thin.ratio_free = 1 << 20;
  const std::string zeros(8 << 20, '\0');
  CHECK(Unpacking(thin).refusal({{"bomb", zeros}}, Packing::gzip).find("more than 200 to 1") != std::string::npos);
  CHECK(Unpacking(thin).refusal({{"no bomb", zeros}}).empty());
}

TEST_CASE("a bomb is refused before anybody has gone through all of it, also where only names are read",
          "[threat:image-archive]") {
  Bounds thin;
  thin.ratio_free = 1 << 20;
  const auto bomb = archive_of({{"first", std::string(32 << 20, '\0')}, {"second", "x"}}, Packing::gzip);
  std::vector<std::string> names;
  const auto list = [&](const Bounds& bounds) {
    list_names(bomb.get(), "the archive", bounds, [&](const std::string& name) {
      names.push_back(name);
      return true;
    });
  };
  CHECK_THROWS_WITH(list(thin), Catch::Contains("more than 200 to 1"));
  CHECK(names == std::vector<std::string>{"first"});
  Bounds few;
  few.entries = 1;
  CHECK_THROWS_WITH(list(few), Catch::Contains("more than 1 entries"));
}

TEST_CASE("links of an archive do not lead deeper than its paths may", "[threat:image-archive]") {
  std::string way;
  std::vector<Entry> entries;
  for (int i = 0; i < 100; ++i) way += (i == 0 ? "d" : "/d");
  entries.push_back(folder(way));
  entries.push_back(link_to("halfway", way));
  Unpacking u;
  CHECK(u.refusal(entries).empty());
  CHECK(u.refusal({folder("halfway/one/two")}).empty());
  CHECK(u.refusal({folder("halfway/" + way)}).find("a place that is too deep") != std::string::npos);
  CHECK(u.refusal({folder("halfway/" + std::string(250, 'n'))}).empty());  // long names are not deep ones
}

TEST_CASE("a disk on which too little would be left is told, and nothing more is written") {
  Bounds bounds;
  bounds.keep_free = ~std::uint64_t{0};
  CHECK(Unpacking(bounds).refusal({{"small", std::string(1 << 20, 'x')}}).empty());  // is not looked for at each file
  CHECK(Unpacking(bounds).refusal({{"large", std::string(17 << 20, 'x')}}).find("would be left on the disk") !=
        std::string::npos);
}

TEST_CASE("names that name nothing, are too long or too deep are refused") {
  CHECK(normal_path("./usr//bin/") == "usr/bin");
  CHECK(normal_path("/").empty());
  CHECK_THROWS_AS(normal_path(std::string_view("a\0b", 3)), Failure);
  CHECK_THROWS_AS(normal_path("a/.."), Failure);
  CHECK_THROWS_AS(normal_path(std::string(256, 'n')), Failure);
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "d/";
  CHECK_THROWS_AS(normal_path(deep), Failure);
  CHECK_FALSE(Unpacking().refusal({{"./", "a file in the place of the root"}}).empty());
}

TEST_CASE("a blob whose digest is not right is refused before it is unpacked", "[threat:image-archive]") {
  Unpacking u;
  const auto layout = u.outside() + "/layout";
  fs::create_directories(layout + "/blobs/sha256");
  std::ofstream(layout + "/oci-layout") << R"({"imageLayoutVersion": "1.0.0"})";
  const std::string wrong(64, 'a');
  std::ofstream(layout + "/index.json") << R"({"manifests": [{"digest": "sha256:)" << wrong << R"(", "size": 2}]})";
  std::ofstream(layout + "/blobs/sha256/" + wrong) << "{}";
  const Fd source(::open(layout.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK_THROWS_WITH(u.unpack(source.get()), Catch::Contains("has the digest"));
  std::ofstream(layout + "/index.json", std::ios::trunc)
      << R"({"manifests": [{"digest": "sha256:../../../etc/passwd"}]})";
  CHECK_THROWS_WITH(u.unpack(source.get()), Catch::Contains("only sha256"));
  std::ofstream(layout + "/index.json", std::ios::trunc) << R"({"manifests": 7})";
  CHECK_THROWS_AS(u.unpack(source.get()), Failure);
}

TEST_CASE("garbage is no archive") {
  Unpacking u;
  const Fd file(::memfd_create("garbage", MFD_CLOEXEC));
  REQUIRE(::write(file.get(), "this is no archive at all", 25) == 25);
  CHECK_THROWS_AS(apply_layer(file.get(), "layer 1", u.tree(), {}), Failure);
}
