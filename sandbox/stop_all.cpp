#include "sandbox/stop_all.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>

#include "sandbox/kernel/cgroup_events.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/kernel/file.hpp"

namespace cordon {

namespace {

using std::chrono::system_clock;
using Variables = std::map<std::string, std::string>;

constexpr const char* word_name = "stop-all";
constexpr const char* launcher_name = "launcher.env";
constexpr std::size_t max_file = 8192;

// Lines of NAME=value.
Variables parse_variables(std::string_view text) {
  Variables variables;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    const auto equals = line.find('=');
    if (equals != std::string_view::npos) variables.emplace(line.substr(0, equals), line.substr(equals + 1));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return variables;
}

// Whoever may write into the runtime directory may put anything there: a link, a FIFO, a directory.
std::string read_bounded(const Fd& file) {
  std::array<char, max_file> bytes{};
  const auto n = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

bool is_ours(const struct stat& facts) {
  return S_ISREG(facts.st_mode) && (facts.st_uid == 0 || facts.st_uid == ::geteuid());
}

// That the file is there is the word; what stands in it only says who and why.
StopAll describe(const Fd& file) {
  struct stat facts {};
  check(::fstat(file.get(), &facts), "read the latch", word_name);
  const auto made_at = system_clock::from_time_t(facts.st_mtim.tv_sec);
  StopAll word{made_at, "uid:" + std::to_string(facts.st_uid), ""};
  if (!is_ours(facts)) return word;
  auto variables = parse_variables(read_bounded(file));
  const auto& at = variables["ENGAGED_AT_MS"];
  std::int64_t ms = 0;
  const auto parsed = std::from_chars(at.data(), at.data() + at.size(), ms);
  if (parsed.ec == std::errc{} && ms > 0) word.engaged_at = system_clock::time_point(std::chrono::milliseconds(ms));
  if (!variables["BY"].empty()) word.by = variables["BY"];
  word.reason = variables["REASON"];
  return word;
}

Fd open_place(const std::string& directory) {
  return Fd(check(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), "read the latch", directory));
}

std::optional<StopAll> read_word(const std::string& directory) {
  const auto place = open_place(directory);
  const Fd file(::openat(place.get(), word_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  check(file.get(), "read the latch", directory + "/" + word_name);
  return describe(file);
}

std::string text_of(const StopAll& word) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(word.engaged_at.time_since_epoch());
  return "ENGAGED_AT_MS=" + std::to_string(ms.count()) + "\nBY=" + word.by + "\nREASON=" + word.reason + "\n";
}

void write_all(const Fd& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty())
    bytes.remove_prefix(
        static_cast<std::size_t>(check(::write(file.get(), bytes.data(), bytes.size()), "write", path)));
}

// Whatever bears that name already is the word. What cannot be written or made to last throws; the word may stand all
// the same.
void set_word(const std::string& directory, const StopAll& word) {
  const auto place = open_directory(directory);
  const auto path = directory + "/" + word_name;
  const Fd file(::openat(place.get(), word_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file && errno == EEXIST) return;
  check(file.get(), "create", path);
  write_all(file, text_of(word), path);
  check(::fsync(file.get()), "fsync", path);
  check(::fsync(place.get()), "fsync", directory);
}

bool clear_word(const std::string& directory) {
  const auto place = open_directory(directory);
  if (::unlinkat(place.get(), word_name, 0) == 0) return ::fsync(place.get()), true;
  if (errno == EISDIR) return check(::unlinkat(place.get(), word_name, AT_REMOVEDIR), "remove", word_name), true;
  if (errno != ENOENT) check(-1, "remove", directory + "/" + word_name);
  return false;
}

// None in a sandbox that has not been given its job: there is nothing of a client in it, and it will not start any
// more.
std::optional<std::string> job_of(const std::string& cgroup) {
  std::array<char, 128> id{};
  const auto n = ::getxattr(cgroup.c_str(), job_attribute, id.data(), id.size());
  if (n > 0) return std::string(id.data(), static_cast<std::size_t>(n));
  if (n < 0 && errno == ENODATA) return std::nullopt;
  return cgroup.substr(cgroup.rfind('/') + 1);
}

bool is_alive(const std::string& cgroup) {
  return !wait_until_empty(cgroup, std::chrono::milliseconds(0));
}

// cgroup -> job. One that goes meanwhile is none.
std::map<std::string, std::string> alive_below(const std::string& jobs) {
  std::map<std::string, std::string> alive;
  for (const auto& entry : std::filesystem::directory_iterator(jobs)) {
    const auto cgroup = entry.path().string();
    if (!entry.is_directory() || !is_alive(cgroup)) continue;
    if (auto job = job_of(cgroup)) alive.emplace(cgroup, std::move(*job));
  }
  return alive;
}

void expect_cgroup(const std::string& jobs) {
  struct statfs facts {};
  check(::statfs(jobs.c_str(), &facts), "find the cgroups below", jobs);
  if (facts.f_type != CGROUP2_SUPER_MAGIC) throw KernelError("find the cgroups below", jobs, ENOTDIR);
}

}  // namespace

std::optional<StopAll> read_stop_all(const StopAllPlaces& places) {
  auto word = read_word(places.runtime_dir);
  return word ? word : read_word(places.state_dir);
}

void write_launcher_file(const std::string& runtime_dir, const LauncherPlaces& places) {
  const auto path = runtime_dir + "/" + launcher_name;
  ::unlink(path.c_str());
  const Fd file(
      check(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644), "create", path));
  write_all(file, "JOBS_CGROUP=" + places.jobs_cgroup + "\nSTATE_DIR=" + places.state_dir + "\n", path);
}

LauncherPlaces read_launcher_file(const std::string& runtime_dir) {
  const auto path = runtime_dir + "/" + launcher_name;
  const Fd file(check(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), "open", path));
  struct stat facts {};
  check(::fstat(file.get(), &facts), "fstat", path);
  if (!S_ISREG(facts.st_mode) || facts.st_uid != 0 || (facts.st_mode & 022) != 0)
    throw KernelError("trust", path, EPERM, "it must be a file that only root can write");
  auto variables = parse_variables(read_bounded(file));
  LauncherPlaces places{variables["JOBS_CGROUP"], variables["STATE_DIR"]};
  if (!places.jobs_cgroup.starts_with('/') || !places.state_dir.starts_with('/'))
    throw KernelError("understand", path, EBADMSG, "restart cordon-launcher");
  return places;
}

StopReceipt stop_everything(const std::string& runtime_dir, const StopAll& word, std::chrono::milliseconds patience) {
  const auto began = std::chrono::steady_clock::now();
  const auto places = read_launcher_file(runtime_dir);
  StopReceipt receipt;
  set_word(runtime_dir, word);
  // Whoever looked at the word before it stood has its cgroup here by now; whoever looks later does not start.
  expect_cgroup(places.jobs_cgroup);
  auto alive = alive_below(places.jobs_cgroup);
  write_file(places.jobs_cgroup + "/cgroup.kill", "1");  // the whole subtree, at once
  alive.merge(alive_below(places.jobs_cgroup));
  for (const auto& [cgroup, job] : alive) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(began + patience - std::chrono::steady_clock::now());
    (wait_until_empty(cgroup, left) ? receipt.killed : receipt.survivors).push_back(job);
  }
  receipt.latency = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
  try {
    set_word(places.state_dir, word);
  } catch (const KernelError& e) {
    receipt.not_persisted = e.what();
  }
  receipt.word = read_stop_all({runtime_dir, places.state_dir}).value_or(word);
  return receipt;
}

bool release_stop_all(const StopAllPlaces& places) {
  const bool on_disk = clear_word(places.state_dir);  // first: a crash in between leaves it engaged
  return clear_word(places.runtime_dir) || on_disk;
}

}  // namespace cordon
