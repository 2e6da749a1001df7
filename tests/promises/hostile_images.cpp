// Promise (threats.md, "Setup, files, privileged helpers"): whatever stands in an image, a job's /dev, /proc, /etc,
// /tmp, /run and /work are directories of Cordon's, nothing of the image gives a job a way out, and the host's tree
// stays as it was.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "tests/promises/image_tree.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

const char* const all_profiles[] = {"default", "compile", "strict", "root-inside"};

bool is_root(std::string_view profile) {
  return profile == "root-inside";  // it may change a copy of the image
}
const std::vector<std::string> points{"dev", "proc", "sys", "tmp", "run", "etc", "work"};

std::string next_point(const std::string& point) {
  const auto at = std::find(points.begin(), points.end(), point) - points.begin();
  return points[static_cast<std::size_t>(at + 1) % points.size()];
}

void own(const ImageTree& tree, const std::string& path, uid_t uid) {
  REQUIRE(::lchown((tree.root() / path).c_str(), uid, uid) == 0);
}

// Directories where they belong, with a trap in the place of everything that a sandbox or a program looks for in them.
void set_traps(const ImageTree& tree, const std::string& point) {
  tree.directory(point);
  const auto secret = (tree.canary() / "secret").string();
  for (const char* name : {"shm", "self", "mounts", "fd", "sys"}) tree.link(point + "/" + name, tree.canary());
  for (const char* name : {"passwd", "group", "nsswitch.conf", "hosts"}) tree.link(point + "/" + name, secret);
  for (const char* name : {"null", "zero", "urandom"}) tree.node(point + "/" + name, S_IFIFO);
  tree.node(point + "/tty", S_IFBLK, 254, 0);
}

struct Kind {
  const char* name;
  void (*make)(const ImageTree& tree, const std::string& point);
};

const Kind kinds[] = {
    {"absolute-link", [](auto& tree, auto& point) { tree.link(point, tree.canary()); }},
    {"relative-link", [](auto& tree, auto& point) { tree.link(point, "../../../../../.." + tree.canary().string()); }},
    {"link-to-the-next", [](auto& tree, auto& point) { tree.link(point, "/" + next_point(point)); }},
    {"link-to-itself", [](auto& tree, auto& point) { tree.link(point, point); }},
    {"link-through-proc",
     [](auto& tree, auto& point) { tree.link(point, "/proc/self/root" + tree.canary().string()); }},
    {"link-to-cwd", [](auto& tree, auto& point) { tree.link(point, "/proc/self/cwd/../../.."); }},
    {"link-to-fd", [](auto& tree, auto& point) { tree.link(point, "/proc/self/fd/3"); }},
    {"link-to-root", [](auto& tree, auto& point) { tree.link(point, "/root"); }},
    {"regular-file", [](auto& tree, auto& point) { tree.file(point, "root::0:0::/:/bin/sh\n"); }},
    {"fifo", [](auto& tree, auto& point) { tree.node(point, S_IFIFO); }},
    {"socket", [](auto& tree, auto& point) { tree.node(point, S_IFSOCK); }},
    {"null-device", [](auto& tree, auto& point) { tree.node(point, S_IFCHR, 1, 3); }},
    {"block-device", [](auto& tree, auto& point) { tree.node(point, S_IFBLK, 254, 0); }},
    {"whiteout", [](auto& tree, auto& point) { tree.node(point, S_IFCHR, 0, 0); }},
    {"missing", [](auto&, auto&) {}},
    {"closed-directory", [](auto& tree, auto& point) { tree.directory(point, 0); }},
    {"odd-owner", [](auto& tree, auto& point) { tree.directory(point, 0700), own(tree, point, 4294967294U); }},
    {"every-mode-bit", [](auto& tree, auto& point) { tree.directory(point, 07777), own(tree, point, 1000); }},
    {"opaque-directory",
     [](auto& tree, auto& point) {
       tree.directory(point);
       tree.attribute(point, "trusted.overlay.opaque", "y");
     }},
    {"redirected-directory",
     [](auto& tree, auto& point) {
       tree.directory(point);
       tree.attribute(point, "trusted.overlay.redirect", "/../../.." + tree.canary().string());
     }},
    {"traps", set_traps}};

dev_t disk_of_the_host() {
  struct stat st {};
  REQUIRE(::stat("/var/tmp", &st) == 0);
  return st.st_dev;
}

// One of everything that could give something to a job that runs in the image.
void add_things(const ImageTree& tree) {
  tree.program("things/setuid", "search_image", 04755);
  tree.program("things/setgid", "search_image", 02755);
  tree.program("things/setuid-of-another", "search_image", 06755);
  own(tree, "things/setuid-of-another", 1);
  tree.attribute("things/setuid-of-another", "user.note", "lchown took the bits");
  REQUIRE(::chmod((tree.root() / "things/setuid-of-another").c_str(), 06755) == 0);
  tree.program("things/use_image", "use_image", 0755);
  tree.program("things/search_image", "search_image", 0755);
  tree.program("things/capable", "search_image", 0755);
  tree.attribute("things/capable", "security.capability", every_capability());
  tree.node("things/null", S_IFCHR, 1, 3);
  tree.node("things/mem", S_IFCHR, 1, 1);
  tree.node("things/kmsg", S_IFCHR, 1, 11);
  const auto disk = disk_of_the_host();
  tree.node("things/disk", S_IFBLK, major(disk), minor(disk));
  tree.node("things/loop", S_IFBLK, 7, 0);
  tree.node("things/fuse", S_IFCHR, 10, 229);
  tree.node("things/fifo", S_IFIFO);
  tree.link("things/link", tree.canary() / "secret");
  tree.link("things/up", std::string("../../../../../../../..") + (tree.canary() / "secret").string());
  tree.link("things/init", "/proc/1/root" + (tree.canary() / "secret").string());
  tree.link("things/cwd", "/proc/1/cwd" + (tree.canary() / "secret").string());
  tree.link("things/shadow", "/etc/shadow");
}

void add_odd_names(const ImageTree& tree) {
  tree.file("odd/" + std::string(255, 'n'), "long");
  for (const char* name :
       {"new\nline", "\xff\xfe not utf-8", "-rf", "...", "esc\x1b[31m", "tab\tquote\"back\\slash", " "})
    tree.file(std::string("odd/") + name, "odd");
  tree.nest("odd/deep", "d", 150);
  tree.nest("odd/long", std::string(255, 'l'), 20);
}

// What overlayfs would make of an image's extended attributes if it were asked to.
void add_overlay_attributes(const ImageTree& tree) {
  for (const std::string space : {"trusted.overlay.", "user.overlay."}) {
    const auto at = "overlay/" + space;
    tree.file(at + "data", "");
    tree.attribute(at + "data", space + "metacopy", "");
    tree.attribute(at + "data", space + "redirect", "/../../../../.." + (tree.canary() / "secret").string());
    tree.directory(at + "moved");
    tree.attribute(at + "moved", space + "redirect", "/../../../../.." + tree.canary().string());
    tree.directory(at + "hidden");
    tree.attribute(at + "hidden", space + "opaque", "x");
    tree.file(at + "hidden/white", "");
    tree.attribute(at + "hidden/white", space + "whiteout", "y");
    tree.file(at + "origin", "x");
    tree.attribute(at + "origin", space + "origin", std::string("\x00\xfb\x1d\x00\x01", 5) + std::string(16, '\xff'));
    tree.attribute(at + "origin", space + "protattr", "ia");
  }
}

struct Hostile {
  std::string name;
  ImageTree tree;
  std::string before;
};

std::vector<Hostile> make_images() {
  std::vector<Hostile> images;
  for (const auto& kind : kinds) {
    ImageTree tree;
    add_things(tree);
    add_odd_names(tree);
    add_overlay_attributes(tree);
    for (const auto& point : points) kind.make(tree, point);
    auto before = tree.digest();
    images.push_back({kind.name, std::move(tree), std::move(before)});
  }
  return images;
}

Json config_with(const std::vector<Hostile>& images) {
  Json config{{"images", {{"host", Json::object()}}}};
  for (const auto& image : images) config["images"][image.name] = {{"rootfs", image.tree.root().string()}};
  return config;
}

Json in_image(const std::string& image, const std::string& profile, std::vector<std::string> argv) {
  return {{"image", image}, {"profile", profile}, {"argv", argv}};
}

std::set<std::string> lines_of(const Json& job) {
  std::set<std::string> lines;
  std::istringstream out(job.at("stdout").get<std::string>());
  for (std::string line; std::getline(out, line);) lines.insert(line);
  return lines;
}

std::string about(const Json& job) {
  return job.at("outcome").dump() + "\n" + job.at("stdout").get<std::string>() + job.at("stderr").get<std::string>();
}

const Json exited_0{{"kind", "exited"}, {"code", 0}};

}  // namespace

TEST_CASE("whatever an image has in the place of a mount point, a job finds Cordon's directories there",
          "[threat:image-symlink]") {
  const auto images = make_images();
  const Instance cordon(config_with(images));
  for (const auto& image : images) {
    for (const char* profile : all_profiles) {
      const auto job = cordon.run(in_image(image.name, profile, {"/things/use_image"}));
      INFO(image.name << " " << profile << "\n" << about(job));
      CHECK(job.at("outcome") == exited_0);
      const auto lines = lines_of(job);
      for (const char* need :
           {"/dev", "/etc", "/proc", "/run", "/sys", "/tmp", "/work", "writing in /work", "writing in /tmp",
            "writing in /dev/shm", "/dev/null", "/dev/urandom", "/proc/self/status", "/etc/passwd", "/etc/hosts"})
        CHECK(lines.contains(std::string("works: ") + need));
      const auto& enforced = job.at("enforced");
      CHECK(enforced.at("mount./").get<std::string>().starts_with(is_root(profile) ? "overlay rw,nosuid,nodev"
                                                                                   : "overlay ro,nosuid,nodev"));
      for (const char* point : {"/dev", "/proc", "/tmp", "/work", "/dev/shm"})
        CHECK(enforced.contains(std::string("mount.") + point));
    }
    CHECK(image.tree.digest() == image.before);
  }
}

TEST_CASE("nothing that stands in an image gives a hostile job anything, and the host's tree stays as it was",
          "[threat:image-symlink]") {
  const auto images = make_images();
  const Instance cordon(config_with(images));
  for (const auto& image : images) {
    for (const char* profile : all_profiles) {
      const auto job = cordon.run(in_image(image.name, profile, {"/things/search_image", ImageTree::secret()}));
      INFO(image.name << " " << profile << "\n" << about(job));
      CHECK(job.at("outcome") == exited_0);
      const auto lines = lines_of(job);
      for (const char* device : {"null", "mem", "kmsg", "disk", "loop", "fuse"})
        CHECK(lines.contains(std::string("held: device /things/") + device + " (EACCES)"));
      for (const char* program : {"setuid", "setgid", "setuid-of-another", "capable"})
        CHECK(lines.contains(std::string("held: program /things/") + program));
      for (const char* link : {"link (ENOENT)", "up (ENOENT)", "init (EACCES)", "cwd (EACCES)"})
        CHECK(lines.contains(std::string("held: link /things/") + link));
      CHECK((lines.contains("held: link /things/shadow (ENOENT)") ||
             lines.contains("held: link /things/shadow (EACCES)")));  // where the image's /etc is closed
    }
    CHECK(image.tree.digest() == image.before);
  }
}
