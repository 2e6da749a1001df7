// `cordon image import`: everything that a stranger wrote is read by a process without rights, in namespaces of its
// own; root takes from it one regular file, byte by byte, and what it says of itself.
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/image/source.hpp"
#include "cli/image/store.hpp"
#include "cli/table.hpp"
#include "cli/wake_signals.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon::cli {
namespace {

using image::Bounds;

constexpr uid_t nobody = 65534;
constexpr const char* mkfs = "/usr/bin/mkfs.erofs";
constexpr std::uint64_t keep_free = std::uint64_t{512} << 20;  // the journal lies on the same disk
constexpr rlim_t most_overhead = rlim_t{1} << 30;              // of EROFS, whose names and inodes count as well
constexpr rlim_t most_cpu_s = 1800, most_address_space = rlim_t{4} << 30;

// The same tree gives the same bytes: no times, no owners, a fixed uuid.
constexpr const char* mkfs_arguments[] = {
    mkfs,      "-zlz4",       "-T0",  "--all-root", "-x-1", "-U", "c0bd0000-0000-4000-8000-000000000001",
    "--quiet", "image.erofs", "tree", nullptr};

void must(long rc, const char* step) {
  if (rc < 0) throw Failure(fmt::format("cannot {}: {}", step, std::strerror(errno)));
}

void limit(__rlimit_resource resource, rlim_t most) {
  const rlimit value{most, most};
  must(::setrlimit(resource, &value), "set a limit");
}

// No network, no other process in sight, nothing to gain, nobody's ids.
void give_up_rights(const Bounds& bounds) {
  must(::unshare(CLONE_NEWNET | CLONE_NEWIPC), "enter namespaces of its own");
  must(::setgroups(0, nullptr), "drop groups");
  must(::setresgid(nobody, nobody, nobody), "change the group");
  must(::setresuid(nobody, nobody, nobody), "change the user");
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "refuse new privileges");
  must(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "die with the parent");
  limit(RLIMIT_FSIZE, bounds.bytes + most_overhead);
  limit(RLIMIT_CPU, most_cpu_s);
  limit(RLIMIT_AS, most_address_space);
  limit(RLIMIT_CORE, 0);
}

int make_folder(const char* name) {
  must(::mkdir(name, 0700), "make a directory");
  const int fd = ::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  must(fd, "open a directory");
  return fd;
}

void make_file_system() {
  const auto child = ::fork();
  must(child, "start mkfs.erofs");
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    if (null >= 0) ::dup2(null, STDOUT_FILENO);
    ::execv(mkfs, const_cast<char* const*>(mkfs_arguments));
    ::_exit(127);
  }
  int status = 0;
  must(::waitpid(child, &status, 0), "wait for mkfs.erofs");
  constexpr int not_started = 127 << 8;
  if (status == not_started) throw Failure(fmt::format("{} cannot be started", mkfs), "apt install erofs-utils");
  if (status != 0) throw Failure(fmt::format("mkfs.erofs ended with status {:#x}", static_cast<unsigned>(status)));
}

// The work of the process without rights, in its directory; what it says of it, as JSON.
Json build(int source, const Bounds& bounds) {
  const Fd tree_folder(make_folder("tree")), scratch(make_folder("scratch"));
  image::Tree tree(tree_folder.get(), bounds);
  const auto unpacked = image::unpack_source(source, scratch.get(), tree, bounds);
  make_file_system();
  Json notes = Json::object();
  for (const auto& [kind, count] : tree.notes()) notes[kind] = count;
  return {{"kind", unpacked.kind},     {"manifest", unpacked.digest}, {"layers", unpacked.layers},
          {"entries", tree.entries()}, {"bytes", tree.bytes()},       {"notes", std::move(notes)}};
}

[[noreturn]] void work(int source, int answer, const std::string& folder, const Bounds& bounds) {
  std::string text;
  try {
    must(::chdir(folder.c_str()), "enter the working directory");
    give_up_rights(bounds);
    text = build(source, bounds).dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const Failure& failure) {
    text = Json{{"failure", failure.what()}, {"remedy", failure.remedy}}.dump(-1, ' ', false,
                                                                              Json::error_handler_t::replace);
  } catch (const std::exception& e) {
    text = Json{{"failure", e.what()}, {"remedy", ""}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  ::_exit(::write(answer, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
}

std::string read_answer(int fd, const WakeSignals& stop) {
  constexpr std::size_t longest = 1 << 16;
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    pollfd both[] = {{fd, POLLIN, 0}, {stop.fd(), POLLIN, 0}};
    if (::poll(both, std::size(both), -1) < 0 && errno != EINTR) must(-1, "wait for the process that unpacks");
    if (both[1].revents != 0) throw Failure("interrupted: nothing was imported");
    if (both[0].revents == 0) continue;
    const auto n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || text.size() > longest) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

// Ended and waited for, whatever happens here; it takes along whatever it has started.
class Builder {
 public:
  explicit Builder(pid_t pid) : pid_(pid) {}
  ~Builder() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

 private:
  pid_t pid_;
};

// By the first process of a pid namespace: with it ends whatever it has started.
Json have_it_built(int source, const std::string& folder, const Bounds& bounds, const WakeSignals& stop) {
  int ends[2];
  must(::pipe2(ends, O_CLOEXEC), "make a pipe");
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  must(::unshare(CLONE_NEWPID), "make a pid namespace");
  const auto child = ::fork();
  must(child, "start the process that unpacks");
  if (child == 0) work(source, writing.get(), folder, bounds);
  const Builder builder(child);
  writing.reset();
  const auto text = read_answer(reading.get(), stop);
  auto answer = Json::parse(text, nullptr, false);
  if (answer.is_discarded() || !answer.is_object())
    throw Failure("the process that unpacks was ended: it reached a limit");
  if (answer.contains("failure"))
    throw Failure("refused: " + answer.at("failure").get<std::string>(), answer.value("remedy", ""));
  return answer;
}

// A directory of nobody's, which goes with everything in it.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const std::string& store) : path_(store + "/" + image::Store::unfinished + "XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr)
      throw Failure(fmt::format("cannot make {}: {}", path_, std::strerror(errno)));
    must(::chown(path_.c_str(), nobody, nobody), "give the working directory away");
  }
  ~WorkingDirectory() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

int import_image(const Session& session, const ImageOptions& options) {
  if (::geteuid() != 0)
    throw Failure("only root imports images: the launcher trusts them", "sudo cordon image import …");
  const image::Store store(options.store);
  const auto held = store.lock();
  store.expect_free(options.name);
  const Fd source(::open(options.source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!source) throw Failure(fmt::format("cannot open {}: {}", options.source, std::strerror(errno)));
  Bounds bounds;
  bounds.bytes = options.most_bytes;
  bounds.entries = options.most_entries;
  bounds.keep_free = keep_free;
  const WakeSignals stop;  // from here on there is something to clean up
  const WorkingDirectory folder(options.store);
  auto record = have_it_built(source.get(), folder.path(), bounds, stop);
  record = store.take(folder.path() + "/image.erofs", options.name, options.source, std::move(record));
  if (session.json) return fmt::print("{}\n", record.dump(2)), 0;
  fmt::print("{}: {} entries, {}, in {} of EROFS\n", options.name, record.at("entries").dump(),
             readable_bytes(record.at("bytes").get<double>()), readable_bytes(record.at("file_bytes").get<double>()));
  for (const auto& [kind, count] : record.at("notes").items()) fmt::print("  {}: {}\n", kind, count.dump());
  fmt::print("into \"images\" of cordon.json, and restart cordon-launcher:\n  \"{}\": {}\n", options.name,
             Json{{"file", record.at("file")}, {"sha256", record.at("sha256")}}.dump());
  return 0;
}

}  // namespace cordon::cli
