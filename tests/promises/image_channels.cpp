// Promise (threats.md, "Setup, files, privileged helpers"): a socket or FIFO that stands in an image leads neither to
// the host nor to another job.
#include <fcntl.h>
#include <poll.h>
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

const char* const all_profiles[] = {"default", "compile", "strict", "root-inside"};

bool heard_something(const cordon::Fd& fd) {
  pollfd wanted{fd.get(), POLLIN, 0};
  return ::poll(&wanted, 1, 0) > 0;
}

cordon::Fd open_both_ends(const std::filesystem::path& fifo) {
  return cordon::Fd(cordon::check(::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC), "open", fifo.string()));
}

Json config_with(const ImageTree& tree) {
  return {{"images", {{"host", Json::object()}, {"hostile", {{"rootfs", tree.root().string()}}}}}};
}

bool has_line_with(const Json& job, const std::string& start) {
  return ("\n" + job.at("stdout").get<std::string>()).find("\n" + start) != std::string::npos;
}

}  // namespace

TEST_CASE("a job reaches no listener of the host through a socket in its image", "[threat:image-symlink]") {
  const ImageTree tree;
  tree.program("search_image", "search_image", 0755);
  const auto listener = tree.listener("run/listener");
  const auto hidden = tree.listener("tmp/listener");
  const auto before = tree.digest();
  const Instance cordon(config_with(tree));
  for (const char* profile : all_profiles) {
    const auto job =
        cordon.run({{"image", "hostile"}, {"profile", profile}, {"argv", {"/search_image", ImageTree::secret()}}});
    INFO(job.at("stdout").get<std::string>());
    CHECK(job.at("outcome").at("code") == 0);
    CHECK(has_line_with(job, "held: socket /run/listener ("));
  }
  CHECK_FALSE(heard_something(listener));
  CHECK_FALSE(heard_something(hidden));
  CHECK(tree.digest() == before);
}

TEST_CASE("a job reaches no reader or writer of the host through a FIFO in its image", "[threat:image-symlink]") {
  const ImageTree tree;
  tree.program("search_image", "search_image", 0755);
  tree.node("quiet", S_IFIFO);
  tree.node("talking", S_IFIFO);
  const auto quiet = open_both_ends(tree.root() / "quiet");
  const auto talking = open_both_ends(tree.root() / "talking");
  REQUIRE(::write(talking.get(), "a word of the host", 18) == 18);
  const Instance cordon(config_with(tree));
  for (const char* profile : all_profiles) {
    const auto job =
        cordon.run({{"image", "hostile"}, {"profile", profile}, {"argv", {"/search_image", ImageTree::secret()}}});
    INFO(job.at("stdout").get<std::string>());
    CHECK(job.at("outcome").at("code") == 0);
    for (const char* fifo : {"quiet", "talking"}) CHECK(has_line_with(job, std::string("held: fifo /") + fifo));
  }
  CHECK_FALSE(heard_something(quiet));
  char heard[64];
  CHECK(::read(talking.get(), heard, sizeof heard) == 18);
}

TEST_CASE("two live jobs do not meet at a FIFO in the image they share", "[threat:shared-ipc]") {
  const ImageTree tree;
  tree.program("meet", "meet_at_fifo", 0755);
  tree.node("fifo", S_IFIFO);
  const Instance cordon(config_with(tree));
  const auto first =
      cordon.submit({{"image", "hostile"}, {"argv", {"/meet", "listen", "/fifo"}}}).at("id").get<std::string>();
  REQUIRE(eventually([&] { return !cordon.get("/v1/jobs/" + first + "/stdout").body.empty(); }));
  const auto second = cordon.run({{"image", "hostile"}, {"argv", {"/meet", "speak", "/fifo"}}});
  INFO(second.at("stdout").get<std::string>());
  CHECK(second.at("outcome").at("code") == 0);
  const auto listened = cordon.finished(first);
  INFO(listened.at("stdout").get<std::string>());
  CHECK(listened.at("outcome").at("code") == 0);
}

TEST_CASE("the view of the host's /usr leads to no listener and no FIFO of the host", "[threat:image-symlink]") {
  // A mount namespace of this test's own, in which the host's /usr has a listener and a FIFO.
  REQUIRE(::unshare(CLONE_NEWNS) == 0);
  REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  const ImageTree tree;
  for (const char* directory : {"upper", "work"}) std::filesystem::create_directory(tree.root() / directory);
  const auto layers =
      "lowerdir=/usr,upperdir=" + (tree.root() / "upper").string() + ",workdir=" + (tree.root() / "work").string();
  REQUIRE(::mount("overlay", "/usr", "overlay", 0, layers.c_str()) == 0);
  const auto listener = ImageTree::listen_at("/usr/games/listener");
  REQUIRE(::mkfifo("/usr/games/fifo", 0600) == 0);
  REQUIRE(::chmod("/usr/games/fifo", 0666) == 0);
  const auto fifo = open_both_ends("/usr/games/fifo");
  {
    const Instance cordon;
    for (const char* profile : all_profiles) {
      auto wish = probe("search_image", {ImageTree::secret()});
      wish["argv"].push_back("/usr/games");
      wish["profile"] = profile;
      const auto job = cordon.run(wish);
      INFO(job.at("stdout").get<std::string>());
      CHECK(job.at("outcome").at("code") == 0);
      CHECK(has_line_with(job, "held: socket /usr/games/listener ("));
      CHECK(has_line_with(job, "held: fifo /usr/games/fifo"));
    }
  }
  REQUIRE(::umount2("/usr", MNT_DETACH) == 0);
  CHECK_FALSE(heard_something(listener));
  CHECK_FALSE(heard_something(fifo));
}
