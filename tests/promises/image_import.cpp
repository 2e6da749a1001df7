// Promise (issue 8, 5): whatever a stranger made of an image becomes a file system in which a job runs, or is refused
// as a whole; nothing of it gets out of its place, stays behind, or changes unnoticed afterwards.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <map>
#include <random>

#include "sandbox/kernel/check.hpp"
#include "tests/promises/image_sources.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon;
using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

struct Ended {
  int code = -1;
  std::string output;  // both streams
};

// Where images are imported to, what they are imported from, and a neighbour that none of them may reach.
class Workshop {
 public:
  Workshop() {
    if (::mkdtemp(path_.data()) == nullptr) check(-1, "make a directory", path_);
    fs::permissions(path_, fs::perms(0755));
    fs::create_directory(canary());
    std::ofstream(canary() / "secret") << secret;
  }
  ~Workshop() { fs::remove_all(path_); }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  fs::path path() const { return path_; }
  fs::path store() const { return path() / "images"; }
  fs::path canary() const { return path() / "canary"; }
  static constexpr const char* secret = "sings to nobody";

  std::string archive(const std::vector<Entry>& entries, Packing packing = Packing::none) const {
    const auto name = fresh_name();
    std::ofstream(name, std::ios::binary) << bytes_of(archive_of(entries, packing));
    return name;
  }
  std::string directory(const std::vector<Entry>& entries) const {
    const auto name = fresh_name();
    spread(entries, name);
    return name;
  }

  std::vector<std::string> words(std::vector<std::string> command) const {
    command.insert(command.begin(), {CORDON_BIN_DIR "/cordon", "image"});
    command.insert(command.end(), {"--store", store().string()});
    return command;
  }
  Ended image(std::vector<std::string> command) const {
    const auto log = fresh_name();
    Process process(words(std::move(command)), log, false);
    const auto status = process.wait(at_test_speed(120s));
    REQUIRE(status);
    return {WIFEXITED(*status) ? WEXITSTATUS(*status) : -1, read_text(log)};
  }
  Json import(const std::string& name, const std::string& source) const {
    const auto ended = image({"import", "--json", name, source});
    INFO(ended.output);
    REQUIRE(ended.code == 0);
    return Json::parse(ended.output);
  }

  std::vector<std::string> stored() const {
    std::vector<std::string> names;
    if (fs::exists(store()))
      for (const auto& entry : fs::directory_iterator(store())) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  bool canary_is_well() const {
    return read_text(canary() / "secret") == secret &&
           std::distance(fs::directory_iterator(canary()), fs::directory_iterator()) == 1;
  }

 private:
  std::string fresh_name() const { return path_ + "/" + std::to_string(made_++); }
  std::string path_ = "/var/tmp/cordon-workshop.XXXXXX";
  mutable int made_ = 0;
};

Json config_with(const std::map<std::string, Json>& records) {
  Json images = {{"host", Json::object()}};
  for (const auto& [name, record] : records)
    images[name] = {{"file", record.at("file")}, {"sha256", record.at("sha256")}};
  return {{"images", images}};
}

Json shell(const std::string& image, const std::string& script) {
  return {{"image", image}, {"argv", Json::array({"/bin/sh", "-c", script})}};
}

// Loop devices of the machine that have a file of `directory` behind them.
std::size_t loops_of(const fs::path& directory) {
  std::size_t found = 0;
  for (const auto& device : fs::directory_iterator("/sys/block"))
    if (read_text(device.path() / "loop/backing_file").starts_with(directory.string())) ++found;
  return found;
}

// Of the machine, that work somewhere below `directory`.
std::vector<pid_t> processes_in(const fs::path& directory) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::error_code gone;
    const auto pid = std::atoi(entry.path().filename().c_str());
    const auto at = pid > 0 ? fs::read_symlink(entry.path() / "cwd", gone) : fs::path();
    if (at.string().starts_with(directory.string())) found.push_back(pid);
  }
  return found;
}

const std::string look = R"(
cat /data/greeting
test -e /data/gone && echo "a whiteout did nothing"
test -e /nodes/memory && echo "a device"
test -e /nodes/pipe && echo "a FIFO"
test -u /bin/su && echo "set-user-id"
cat /data/link /usr/share/same
echo x 2>/dev/null >/data/greeting && echo "written"
exit 7)";
const std::string seen = "second\nsecond\nsecond\n";

std::vector<Entry> first_layer() {
  auto entries = small_system();
  entries.push_back(folder("data"));
  entries.push_back({"data/greeting", "first\n"});
  entries.push_back({"data/gone", "first\n"});
  entries.push_back({"nodes/memory", "", AE_IFCHR});
  entries.push_back({"nodes/pipe", "", AE_IFIFO});
  entries.push_back({"bin/su", "#!", AE_IFREG, "", false, 06755});
  return entries;
}

std::vector<Entry> second_layer() {
  return {{"data/.wh.gone"},
          {"data/greeting", "second\n"},
          link_to("data/link", "greeting"),
          folder("usr/share"),
          hard_link_to("usr/share/same", "data/greeting")};
}

// The same as one tree.
std::vector<Entry> both_layers() {
  auto entries = small_system();
  for (auto entry : second_layer()) {
    if (entry.hard) entry = {entry.path, "second\n"};
    if (!entry.path.starts_with("data/.wh.")) entries.push_back(entry);
  }
  entries.push_back({"bin/su", "#!", AE_IFREG, "", false, 06755});
  return entries;
}

const std::string devices = "devices, FIFOs and sockets left out";
const std::string bits = "set-user-id and set-group-id bits taken off";

// What does not become smaller when it is packed.
std::string noise() {
  std::string bytes(100'000, '\0');
  std::mt19937 random(1);
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// One byte of the file is another now.
void change(const std::string& file) {
  const Fd fd(check(::open(file.c_str(), O_RDWR | O_CLOEXEC), "open", file));
  char byte = 0;
  const auto middle = static_cast<off_t>(fs::file_size(file) / 2);
  check(::pread(fd.get(), &byte, 1, middle), "read", file);
  byte = static_cast<char>(byte ^ 1);
  check(::pwrite(fd.get(), &byte, 1, middle), "write", file);
}

// What the launcher says when it is started with this configuration; "" when it serves.
std::string refusal_of(const Json& config) {
  try {
    const Instance cordon(config);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("an OCI layout becomes an image in which jobs run: layers applied, dangers gone and told",
          "[threat:image-archive]") {
  const Workshop workshop;
  const auto layout = oci_layout({{first_layer(), Packing::gzip}, {second_layer(), Packing::none}});
  const auto record = workshop.import("mine", workshop.directory(layout.files));
  CHECK(record.at("kind") == "oci");
  CHECK(record.at("manifest") == layout.manifest);
  CHECK(record.at("layers") == 2);
  CHECK(record.at("notes").at(devices) == 2);
  CHECK(record.at("notes").at(bits) == 1);
  CHECK(workshop.stored() == std::vector<std::string>{"mine.erofs", "mine.json"});
  struct stat file {};
  REQUIRE(::stat(record.at("file").get<std::string>().c_str(), &file) == 0);
  CHECK(file.st_uid == 0);
  CHECK((file.st_mode & 07777) == 0444);
  {
    const Instance cordon(config_with({{"mine", record}}));
    const auto job = cordon.run(shell("mine", look));
    INFO(ending_of(job));
    CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 7}}));
    CHECK(job.at("stdout") == seen);
    CHECK(job.at("image") == "mine");
    CHECK(job.at("enforced").at("mount./").get<std::string>().starts_with("overlay ro,nosuid,nodev"));
    // Mounted once, for all of its sandboxes.
    CHECK(cordon.run(shell("mine", look)).at("stdout") == seen);
    CHECK(loops_of(workshop.store()) == 1);
    CHECK(cordon.run(shell("host", "test -e /data")).at("outcome").at("code") == 1);
  }
  CHECK(eventually([&] { return loops_of(workshop.store()) == 0; }));
}

TEST_CASE("archives of docker save, packed and not, root file systems and directories become images alike") {
  const Workshop workshop;
  const std::vector<Entry> nothing{folder("data")};
  const auto saved = docker_save({first_layer(), second_layer(), nothing, nothing});
  const auto layout = oci_layout({{first_layer()}, {second_layer()}});
  std::map<std::string, Json> records;
  records["docker"] = workshop.import("docker", workshop.archive(saved.files));
  records["docker.packed"] = workshop.import("docker.packed", workshop.archive(saved.files, Packing::gzip));
  records["docker.folder"] = workshop.import("docker.folder", workshop.directory(saved.files));
  records["oci"] = workshop.import("oci", workshop.archive(layout.files));
  records["rootfs"] = workshop.import("rootfs", workshop.archive(both_layers(), Packing::gzip));
  records["tree"] = workshop.import("tree", workshop.directory(both_layers()));
  CHECK(records["docker"].at("kind") == "docker");
  CHECK(records["docker"].at("layers") == 4);
  CHECK(records["docker.folder"].at("kind") == "docker");
  CHECK(records["oci"].at("kind") == "oci");
  CHECK(records["rootfs"].at("kind") == "rootfs");
  CHECK(records["tree"].at("kind") == "rootfs");
  CHECK(records["tree"].at("notes").at(bits) == 1);
  CHECK(records["docker"].at("sha256") == records["docker.packed"].at("sha256"));
  const Instance cordon(config_with(records));
  for (const auto& [name, record] : records) {
    const auto job = cordon.run(shell(name, look));
    INFO(name << ": " << ending_of(job));
    CHECK(job.at("outcome").at("code") == 7);
    CHECK(job.at("stdout") == seen);
  }
}

TEST_CASE("an image's file that was changed, or that others could change, is refused when it is mounted",
          "[threat:image-archive]") {
  const Workshop workshop;
  const auto record = workshop.import("mine", workshop.archive(both_layers()));
  const auto config = config_with({{"mine", record}});
  const std::string file = record.at("file");
  CHECK(workshop.image({"check", "mine"}).code == 0);

  change(file);
  const auto refusal = refusal_of(config);
  INFO(refusal);
  CHECK(refusal.find("verify image " + file + ": its sha256 is ") != std::string::npos);
  CHECK(refusal.find("cordon image check") != std::string::npos);
  const auto checked = workshop.image({"check", "mine"});
  CHECK(checked.code == 1);
  CHECK(checked.output.find("CHANGED") != std::string::npos);
  CHECK(Json::parse(workshop.image({"check", "--json", "mine"}).output).at("intact") == false);

  change(file);  // back
  REQUIRE(workshop.image({"check", "mine"}).code == 0);
  fs::permissions(file, fs::perms(0664));
  CHECK(refusal_of(config).find("trust image") != std::string::npos);
  fs::permissions(file, fs::perms(0444));
  REQUIRE(::chown(file.c_str(), 65534, 0) == 0);
  CHECK(refusal_of(config).find("trust image") != std::string::npos);
  REQUIRE(::chown(file.c_str(), 0, 0) == 0);
  fs::rename(file, file + ".real");
  fs::create_symlink(file + ".real", file);
  CHECK(refusal_of(config).find("open image") != std::string::npos);
  fs::rename(file + ".real", file);
  CHECK(refusal_of(config).empty());
  CHECK(eventually([&] { return loops_of(workshop.store()) == 0; }));
}

TEST_CASE("a hostile image is refused with its place, and leaves nothing behind", "[threat:image-archive]") {
  const Workshop workshop;
  const auto canary = workshop.canary().string();
  const std::string zeros(std::size_t{72} << 20, '\0');
  const std::vector<Entry> plain{folder("data"), {"data/noise", noise()}};
  struct Hostile {
    std::string source, says;
    std::vector<std::string> options{};
  };
  std::vector<Hostile> all;
  const auto tar = [&](const std::vector<Entry>& entries, const std::string& says) {
    all.push_back({workshop.archive(entries), says});
    all.push_back({workshop.directory(oci_layout({{plain}, {entries}}).files), "layer 2, "});
  };
  tar({{"a/../../canary/secret", "mine now"}}, "a path with \"..\"");
  tar({link_to("out", canary), {"out/planted", "mine now"}}, "out/planted: ");
  tar({link_to("up", "../../../../../../../.." + canary), {"up/secret", "mine now"}}, "up/secret: ");
  tar({hard_link_to("h", "../canary/secret")}, "a path with \"..\"");
  tar({link_to("l", canary + "/secret"), hard_link_to("h", "l/x")}, "h: ");
  tar({{"../.wh.canary"}}, "a path with \"..\"");
  tar({{"\x1b]0;me\x07/../../x", "x"}}, "a path with \"..\"");
  std::string way;
  for (int i = 0; i < 100; ++i) way += "d/";
  tar({folder(way), link_to("again", way), folder("again/" + way)}, "too deep");

  const auto bomb = "more than 200 to 1";
  all.push_back({workshop.archive({{"zeros", zeros}}, Packing::gzip), bomb});
  all.push_back({workshop.archive({{"zeros", zeros}}, Packing::bzip2), bomb});
  all.push_back({workshop.directory(oci_layout({{{{"zeros", zeros}}, Packing::gzip}}).files), bomb});
  all.push_back(
      {workshop.archive({{"ten", std::string(10'000, 'x')}}), "more than 1000 bytes", {"--most-bytes", "1000"}});
  all.push_back(
      {workshop.directory({{"ten", std::string(10'000, 'x')}}), "more than 1000 bytes", {"--most-bytes", "1000"}});
  all.push_back(
      {workshop.archive({folder("a"), folder("b"), folder("c")}), "more than 2 entries", {"--most-entries", "2"}});

  auto changed = oci_layout({{plain}});
  changed.files.front().content.back() ^= 1;
  all.push_back({workshop.directory(changed.files), "has the digest"});
  auto linked = oci_layout({{plain}});
  linked.files.front() = link_to(linked.files.front().path, canary + "/secret");
  all.push_back({workshop.directory(linked.files), "cannot open blobs/sha256/"});
  auto blocked = oci_layout({{plain}});
  for (auto& file : blocked.files)
    if (file.path == "index.json") file = {"index.json", "", AE_IFIFO};
  all.push_back({workshop.directory(blocked.files), "index.json is no regular file"});
  auto saved = docker_save({plain});
  saved.files.front() = link_to("0/layer.tar", canary + "/secret");
  all.push_back({workshop.archive(saved.files), "cannot open 0/layer.tar"});
  all.push_back({workshop.directory(saved.files), "cannot open 0/layer.tar"});
  saved.files.front() = {"0/layer.tar", bytes_of(archive_of(second_layer()))};
  all.push_back({workshop.archive(saved.files), "0/layer.tar has another digest"});
  saved = docker_save({plain});
  saved.files.back().content = R"([{"Config": "../canary/secret", "Layers": ["../canary/secret"]}])";
  all.push_back({workshop.directory(saved.files), "cannot open ../canary/secret"});
  const auto whole = bytes_of(archive_of(plain, Packing::gzip));
  const auto cut = workshop.archive({});
  std::ofstream(cut, std::ios::trunc) << whole.substr(0, whole.size() / 2);
  all.push_back({cut, "cannot be read"});
  const auto closed = workshop.directory(both_layers());
  fs::permissions(closed, fs::perms(0700));
  all.push_back({closed, "may not look into it"});

  for (const auto& [source, says, options] : all) {
    auto command = std::vector<std::string>{"import", "hostile", source};
    command.insert(command.end(), options.begin(), options.end());
    const auto ended = workshop.image(command);
    INFO(source << ", which says " << says << ":\n" << ended.output);
    CHECK(ended.code == 1);
    CHECK(ended.output.find("refused: ") != std::string::npos);
    CHECK(ended.output.find(says) != std::string::npos);
    CHECK(ended.output.find('\x1b') == std::string::npos);
    CHECK(workshop.stored().empty());
  }
  CHECK(workshop.canary_is_well());
  CHECK(processes_in(workshop.path()).empty());
}

TEST_CASE("an import that is ended leaves nothing running and nothing behind, and meanwhile there is no other",
          "[threat:image-archive]") {
  const Workshop workshop;
  const auto source = workshop.path() / "large";
  fs::create_directory(source);
  std::ofstream(source / "zeros").close();
  fs::resize_file(source / "zeros", std::uintmax_t{8} << 30);
  const auto small = workshop.archive(both_layers());
  const auto works = [&] { return !processes_in(workshop.store()).empty(); };
  const auto words = workshop.words({"import", "large", source.string()});
  {
    Process process(words, workshop.path() / "ended.log", false);
    REQUIRE(eventually(works));
    const auto other = workshop.image({"import", "small", small});
    CHECK(other.code == 1);
    CHECK(other.output.find("somebody else is changing") != std::string::npos);
    const auto status = process.end(20s);
    REQUIRE(status);
    CHECK(WEXITSTATUS(*status) == 1);
    CHECK(read_text(workshop.path() / "ended.log").find("interrupted") != std::string::npos);
    CHECK_FALSE(works());
    CHECK(workshop.stored().empty());
  }
  Process process(words, workshop.path() / "killed.log", false);
  REQUIRE(eventually(works));
  process.signal(SIGKILL);
  REQUIRE(process.wait(20s));
  CHECK(eventually([&] { return !works(); }));
  CHECK(workshop.stored().size() == 1);  // what it could not take along
  CHECK(workshop.image({"import", "small", small}).code == 0);
  CHECK(workshop.stored() == std::vector<std::string>{"small.erofs", "small.json"});
}

TEST_CASE("what a stranger wrote is read as nobody, without a right, a network or another process in sight",
          "[threat:image-archive]") {
  const Workshop workshop;
  const auto source = workshop.path() / "large";
  fs::create_directory(source);
  std::ofstream(source / "zeros").close();
  fs::resize_file(source / "zeros", std::uintmax_t{8} << 30);
  Process process(workshop.words({"import", "large", source.string()}), workshop.path() / "log", false);
  std::string status, network, processes;
  const auto is_nobody = [&] {
    for (const auto pid : processes_in(workshop.store())) {
      const auto proc = fs::path("/proc") / std::to_string(pid);
      std::error_code gone;
      status = read_text(proc / "status");
      network = fs::read_symlink(proc / "ns/net", gone);
      processes = fs::read_symlink(proc / "ns/pid", gone);
    }
    return status.find("\nUid:\t65534\t65534\t65534\t65534\n") != std::string::npos &&
           status.find("\nNoNewPrivs:\t1\n") != std::string::npos;
  };
  CHECK(eventually(is_nobody));
  INFO(status);
  for (const char* set : {"CapInh", "CapPrm", "CapEff"})
    CHECK(status.find("\n" + std::string(set) + ":\t0000000000000000\n") != std::string::npos);
  CHECK(status.find("\nGid:\t65534\t65534\t65534\t65534\n") != std::string::npos);
  CHECK(status.find("\nGroups:\t \n") != std::string::npos);
  CHECK(network != fs::read_symlink("/proc/self/ns/net"));
  CHECK(processes != fs::read_symlink("/proc/self/ns/pid"));
  process.end(20s);
}

TEST_CASE("images are listed and removed by name, and only root imports") {
  const Workshop workshop;
  const auto source = workshop.archive(both_layers());
  workshop.import("one", source);
  CHECK(workshop.image({"import", "one", source}).output.find("there is an image one already") != std::string::npos);
  for (const char* name : {"host", "../one", ".hidden", ""}) CHECK(workshop.image({"import", name, source}).code != 0);
  const auto listed = Json::parse(workshop.image({"list", "--json"}).output);
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].at("name") == "one");
  CHECK(listed[0].at("source") == source);
  CHECK(workshop.image({"list"}).output.find(listed[0].at("sha256").get<std::string>().substr(0, 16)) !=
        std::string::npos);
  CHECK(workshop.image({"remove", "other"}).code == 1);
  CHECK(workshop.image({"remove", "one"}).code == 0);
  CHECK(workshop.stored().empty());
  CHECK(workshop.image({"check", "one"}).code == 1);

  fs::copy_file(CORDON_BIN_DIR "/cordon", workshop.path() / "cordon");  // this tree may stand in root's home
  const auto log = workshop.path() / "log";
  Process process({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                   (workshop.path() / "cordon").string(), "image", "import", "one", source},
                  log, false);
  const auto status = process.wait(20s);
  REQUIRE(status);
  CHECK(WEXITSTATUS(*status) == 1);
  CHECK(read_text(log).find("only root imports images") != std::string::npos);
}
