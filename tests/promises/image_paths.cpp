// Promise (threats.md, "Setup, files, privileged helpers"): the path of an image is taken as it stands, whatever
// characters it has, and what is no root file system is refused in words before any job runs.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/kernel/check.hpp"
#include "tests/promises/image_tree.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

namespace fs = std::filesystem;

Json config_with(const std::string& rootfs) {
  return {{"images", {{"host", Json::object()}, {"tree", {{"rootfs", rootfs}}}}}};
}

// An image in which the program of the job stands, and a file to know it by.
ImageTree marked_tree(const std::string& name, const std::string& mark) {
  ImageTree tree(name);
  tree.program("use_image", "use_image", 0755);
  tree.program("search_image", "search_image", 0755);
  tree.file("mark", mark, 0644);
  return tree;
}

Json wish(const std::vector<std::string>& argv) {
  return {{"image", "tree"}, {"argv", argv}};
}

std::string why_refused(const std::string& rootfs) {
  try {
    const Instance cordon(config_with(rootfs));
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "it was accepted";
}

struct Refusal {
  const char* what;
  std::string path;
  std::string why;
};

}  // namespace

TEST_CASE("an image may have any path, and its characters are no mount options", "[threat:followed-path]") {
  const std::string names[] = {
      "plain",
      "comma,upperdir=/var/tmp,ro",
      "colon:/etc:more",
      "back\\slash",
      "back\\\\slash\\:colon\\,",
      "new\nline",
      "space and\ttab",
      "quote\"and'apostrophe",
      "equals=lowerdir=/",
      "-dash",
      "\xc3\xa4\xe2\x82\xac",
      "esc\x1b[31m",
      std::string(250, 'n'),
      "a/" + std::string(200, 'a') + "/" + std::string(200, 'b') + "/" + std::string(200, 'c')};
  for (const auto& name : names) {
    INFO(name);
    const auto tree = marked_tree(name, "found in " + name);
    const auto before = tree.digest();
    {
      const Instance cordon(config_with(tree.root().string()));
      auto job = cordon.run(wish({"/use_image"}));
      INFO(job.dump(2));
      CHECK(job.at("outcome").at("code") == 0);
      CHECK(job.at("enforced").at("mount./").get<std::string>().starts_with("overlay ro,nosuid,nodev"));
      job = cordon.run(wish({"/search_image", ImageTree::secret()}));
      CHECK(job.at("outcome").at("code") == 0);
    }
    CHECK(tree.digest() == before);
  }
}

TEST_CASE("what is no directory is refused as an image, with step, object, reason and remedy",
          "[threat:followed-path]") {
  const ImageTree tree("real");
  const auto at = [&](const char* name) { return (tree.root() / name).string(); };
  tree.file("file", "x");
  tree.node("fifo", S_IFIFO);
  tree.node("null", S_IFCHR, 1, 3);
  tree.node("block", S_IFBLK, 254, 0);
  tree.node("socket", S_IFSOCK);
  tree.link("loop", "loop");
  tree.link("to-file", "file");
  tree.link("dangling", "nowhere");
  const auto before = tree.digest();
  const Refusal refusals[] = {{"a regular file", at("file"), "Not a directory"},
                              {"a FIFO", at("fifo"), "Not a directory"},
                              {"a character device", at("null"), "Not a directory"},
                              {"a block device", at("block"), "Not a directory"},
                              {"a socket", at("socket"), "Not a directory"},
                              {"a link to itself", at("loop"), "Too many levels of symbolic links"},
                              {"a link to a file", at("to-file"), "Not a directory"},
                              {"a link to nothing", at("dangling"), "No such file or directory"},
                              {"nothing", at("nothing"), "No such file or directory"},
                              {"a path through a file", at("file") + "/x", "Not a directory"},
                              {"a name too long", at("x") + std::string(300, 'x'), "File name too long"},
                              {"a path too long",
                               at("x") +
                                   [] {
                                     std::string s;
                                     for (int i = 0; i < 900; ++i) s += "/xxxx";
                                     return s;
                                   }(),
                               "File name too long"}};
  for (const auto& [what, path, why] : refusals) {
    const auto answer = why_refused(path);
    INFO(what << ": " << answer.substr(0, 500));
    CHECK(answer.find("open image") != std::string::npos);
    CHECK(answer.find(path) != std::string::npos);
    CHECK(answer.find(why) != std::string::npos);
    CHECK(answer.find("must be a directory with a root file system") != std::string::npos);
  }
  CHECK(tree.digest() == before);
}

TEST_CASE("the host's own root is refused as an image, by whatever path", "[threat:followed-path]") {
  const ImageTree tree("real");
  tree.link("to-root", "/");
  for (const std::string& path : {std::string("/"), std::string("//."), (tree.root() / "to-root").string()}) {
    const auto answer = why_refused(path);
    INFO(answer);
    CHECK(answer.find("open image " + path) != std::string::npos);
    CHECK(answer.find("that is the host itself") != std::string::npos);
  }
}

TEST_CASE("an image that is a link is the directory it led to when Cordon started, whatever becomes of it",
          "[threat:followed-path]") {
  const auto first = marked_tree("first", "first"), second = marked_tree("second", "second");
  const auto link = first.outside() / "link";
  fs::create_directory_symlink(first.root(), link);
  const auto before = second.digest();
  const Instance cordon(config_with(link.string()));
  const auto mark = [&] {
    const auto job = cordon.run(wish({"/search_image", "first"}));
    return job.at("stdout").get<std::string>().find("GOT THROUGH: link /mark") != std::string::npos;
  };
  CHECK(mark());
  fs::remove(link);
  fs::create_directory_symlink(second.root(), link);
  CHECK(mark());
  fs::rename(first.root(), first.outside() / "away");
  fs::create_directory_symlink(first.canary(), first.root());
  CHECK(mark());
  CHECK(second.digest() == before);
}

TEST_CASE("an image of which the files are replaced and removed while jobs run harms nothing",
          "[threat:followed-path]") {
  const auto tree = marked_tree("image", "first");
  const Instance cordon(config_with(tree.root().string()));
  REQUIRE(cordon.run(wish({"/use_image"})).at("outcome").at("code") == 0);
  for (const char* name : {"dev", "proc", "etc", "work", "tmp"}) tree.link(name, tree.canary());
  for (int i = 0; i < 5; ++i) {
    const auto job = cordon.run(wish({"/use_image"}));
    INFO(job.dump(2));
    CHECK(job.at("outcome").at("code") == 0);
  }
  fs::remove_all(tree.root());
  const auto job = cordon.run(wish({"/use_image"}));
  INFO(job.dump(2));
  CHECK(job.at("outcome").contains("kind"));
  CHECK(fs::exists(tree.canary() / "secret"));
}

TEST_CASE("what is mounted within an image is no part of it", "[threat:readonly-remount]") {
  REQUIRE(::unshare(CLONE_NEWNS) == 0);
  REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  const auto tree = marked_tree("image", "mark");
  for (const char* point : {"mnt", "etc", "dev", "proc"}) {
    tree.directory(point);
    REQUIRE(::mount(tree.canary().c_str(), (tree.root() / point).c_str(), nullptr, MS_BIND, nullptr) == 0);
  }
  {
    const Instance cordon(config_with(tree.root().string()));
    const auto job = cordon.run(wish({"/use_image"}));
    INFO(job.dump(2));
    CHECK(job.at("outcome").at("code") == 0);
    CHECK_FALSE(job.at("enforced").contains("mount./mnt"));
    CHECK(cordon.run(wish({"/search_image", ImageTree::secret()})).at("outcome").at("code") == 0);
  }
  for (const char* point : {"mnt", "etc", "dev", "proc"})
    REQUIRE(::umount2((tree.root() / point).c_str(), MNT_DETACH) == 0);
  CHECK(fs::exists(tree.canary() / "secret"));
}

TEST_CASE("what the host mounts below /usr while Cordon runs neither enters a sandbox nor stops jobs",
          "[threat:readonly-remount]") {
  REQUIRE(::unshare(CLONE_NEWNS) == 0);
  REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) == 0);  // as systemd has it, among our own
  const ImageTree tree;
  {
    const Instance cordon;
    const auto live =
        cordon.submit({{"argv", {"sh", "-c", "echo; sleep 2; grep -c games /proc/self/mounts"}}}).at("id");
    REQUIRE(eventually([&] { return cordon.get("/v1/jobs/" + live.get<std::string>() + "/stdout").body == "\n"; }));
    REQUIRE(::mount(tree.canary().c_str(), "/usr/games", nullptr, MS_BIND, nullptr) == 0);
    const auto job = cordon.run({{"argv", {"ls", "/usr/games"}}});
    INFO(job.dump(2));
    CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
    CHECK(cordon.finished(live.get<std::string>()).at("stdout") == "\n0\n");
  }
  REQUIRE(::umount2("/usr/games", MNT_DETACH) == 0);
}
