// Promise (issue 8): an archive cannot put anything outside of the image's tree, nor more into it than the bounds
// allow; whatever is refused is refused with its place.
#include <archive.h>
#include <archive_entry.h>
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

using namespace cordon;
using namespace cordon::cli;
using namespace cordon::cli::image;
namespace fs = std::filesystem;

namespace {

struct Entry {
  std::string path;
  std::string content{};
  unsigned type = AE_IFREG;
  std::string link{};
  bool hard = false;
  unsigned mode = 0644;
};

Fd archive_of(const std::vector<Entry>& entries, bool packed = false) {
  Fd file(::memfd_create("archive", MFD_CLOEXEC));
  auto* archive = ::archive_write_new();
  ::archive_write_set_format_gnutar(archive);
  if (packed) ::archive_write_add_filter_gzip(archive);
  REQUIRE(::archive_write_open_fd(archive, file.get()) == ARCHIVE_OK);
  for (const auto& entry : entries) {
    auto* header = ::archive_entry_new();
    ::archive_entry_set_pathname(header, entry.path.c_str());
    ::archive_entry_set_filetype(header, entry.type);
    ::archive_entry_set_perm(header, static_cast<mode_t>(entry.mode));
    ::archive_entry_set_size(header, static_cast<la_int64_t>(entry.content.size()));
    if (entry.hard) ::archive_entry_set_hardlink(header, entry.link.c_str());
    if (!entry.hard && !entry.link.empty()) ::archive_entry_set_symlink(header, entry.link.c_str());
    REQUIRE(::archive_write_header(archive, header) == ARCHIVE_OK);
    ::archive_write_data(archive, entry.content.data(), entry.content.size());
    ::archive_entry_free(header);
  }
  ::archive_write_close(archive);
  ::archive_write_free(archive);
  return file;
}

Entry folder(const std::string& path) {
  return {path, "", AE_IFDIR, "", false, 0755};
}
Entry link_to(const std::string& path, const std::string& target) {
  return {path, "", AE_IFLNK, target};
}
Entry hard_link_to(const std::string& path, const std::string& target) {
  return {path, "", AE_IFREG, target, true};
}

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

  void apply(const std::vector<Entry>& entries, bool packed = false) {
    const auto archive = archive_of(entries, packed);
    apply_layer(archive.get(), "layer 1", *tree_, bounds_);
  }
  // "" when it was taken; otherwise what the refusal says.
  std::string refusal(const std::vector<Entry>& entries, bool packed = false) {
    try {
      apply(entries, packed);
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

TEST_CASE("no path of an archive leads out of the tree") {
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

TEST_CASE("a whiteout cannot remove what is outside") {
  Unpacking u;
  std::ofstream(u.outside() + "/victim") << "mine";
  CHECK_FALSE(u.refusal({{"../.wh.victim"}}).empty());
  CHECK_FALSE(u.refusal({link_to("up", ".."), {"up/.wh.victim"}}).find("removed") != std::string::npos);
  CHECK(fs::exists(u.outside() + "/victim"));
}

TEST_CASE("what is too much when unpacked is refused: entries, bytes, ratio") {
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
  CHECK(Unpacking(thin).refusal({{"bomb", zeros}}, true).find("more than 200 to 1") != std::string::npos);
  CHECK(Unpacking(thin).refusal({{"no bomb", zeros}}).empty());
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

TEST_CASE("a blob whose digest is not right is refused before it is unpacked") {
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
