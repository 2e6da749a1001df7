#include "sandbox/launcher/cgroup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>

#include "sandbox/kernel/cgroup_events.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/stop_all.hpp"

namespace cordon {

namespace {

using namespace std::chrono_literals;
constexpr auto teardown_patience = 5s;
constexpr const char* v2_tree = "";  // in place of a controller: a file that is there in both layouts

std::uint64_t page_floor(std::uint64_t bytes) {
  return bytes / page_bytes * page_bytes;
}

// The kernel takes no quota below 1 ms (sched-bwc.rst): small shares get a longer period.
struct Bandwidth {
  std::uint64_t quota_us, period_us;
  explicit Bandwidth(std::uint64_t cpus_milli)
      : quota_us(cpus_milli < 10 ? cpus_milli * 1000 : cpus_milli * 100),
        period_us(cpus_milli < 10 ? 1000000 : 100000) {}
};

void expect(const std::string& control, std::uint64_t wanted, std::uint64_t found) {
  if (wanted != found)
    throw KernelError("read back", fmt::format("{}: wanted {}, the kernel has {}", control, wanted, found),
                      ENOTRECOVERABLE, "another program writes to Cordon's cgroups");
}

}  // namespace

Cgroup::Cgroup(const CgroupLayout& layout, std::string name, Origin origin)
    : layout_(layout), name_(std::move(name)), path_(layout.unified + "/" + name_), owned_(origin == Origin::made) {}

Cgroup Cgroup::adopt(const CgroupLayout& layout, std::string name) {
  return {layout, std::move(name), Origin::adopted};
}

Cgroup::Cgroup(const CgroupLayout& layout, std::string name) : Cgroup(layout, std::move(name), Origin::made) {
  check(::mkdir(path_.c_str(), 0755), "make cgroup", path_);
  for (const auto& directory : layout_.legacy_directories()) {
    const auto path = directory + "/" + name_;
    check(::mkdir(path.c_str(), 0755), "make cgroup", path);
  }
  directory_ = open_directory(path_);
}

Cgroup::~Cgroup() {
  if (!owned_) return;
  try {
    destroy();
  } catch (const KernelError&) {
    // The resident finds the directory, keeps the ids out of use and says so.
  }
}

void Cgroup::name_job(const std::string& id) const {
  check(::fsetxattr(directory_.get(), job_attribute, id.data(), id.size(), 0), "write the job's id to", path_);
}

std::string Cgroup::in(const char* controller, const char* file) const {
  const bool in_v1 = layout_.hybrid && controller != std::string_view(v2_tree);
  const auto& parent = in_v1 ? layout_.legacy.at(controller) : layout_.unified;
  return parent + "/" + name_ + "/" + file;
}

const Fd& Cgroup::held(const char* controller, const char* file, int flags) const {
  auto& fd = files_[file];
  if (!fd) fd.reset(::open(in(controller, file).c_str(), flags | O_CLOEXEC));
  return fd;
}

void Cgroup::write_limit(const char* controller, const char* file, const std::string& value) const {
  const auto& fd = held(controller, file, O_RDWR);
  if (!fd || ::write(fd.get(), value.data(), value.size()) < 0)
    check(-1, "write \"" + value + "\" to", in(controller, file));
}

std::string Cgroup::read(const char* controller, const char* file) const {
  auto text = read_if_there(controller, file);
  if (!text) throw KernelError("read", in(controller, file), ENOENT);
  return std::move(*text);
}

std::optional<std::string> Cgroup::read_if_there(const char* controller, const char* file) const {
  const auto& fd = held(controller, file, O_RDONLY);
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) check(-1, "open", in(controller, file));
  return read_again(fd, file);
}

void Cgroup::set_limits(const Limits& limits) {
  const auto changes = [&](auto member) { return !limits_ || (*limits_).*member != limits.*member; };
  if (changes(&Limits::pids)) write_limit("pids", "pids.max", std::to_string(limits.pids + 1));
  if (changes(&Limits::memory_bytes)) set_memory(limits.memory_bytes);
  if (changes(&Limits::cpus_milli)) set_cpu(limits.cpus_milli);
  limits_ = limits;
}

void Cgroup::set_memory(std::uint64_t bytes) const {
  const auto memory = std::to_string(bytes);
  if (!layout_.hybrid) {
    write_limit("memory", "memory.max", memory);
    if (limits_) return;
    write_limit("memory", "memory.swap.max", "0");
    write_limit("memory", "memory.oom.group", "1");
    return;
  }
  const bool rises = limits_ && bytes > limits_->memory_bytes;  // the one with swap is never below the one without
  if (rises && layout_.swap_limited) write_limit("memory", "memory.memsw.limit_in_bytes", memory);
  write_limit("memory", "memory.limit_in_bytes", memory);
  if (!rises && layout_.swap_limited) write_limit("memory", "memory.memsw.limit_in_bytes", memory);
  write_limit("memory", "memory.kmem.tcp.limit_in_bytes", memory);  // socket buffers: v1 counts them apart
}

void Cgroup::set_cpu(std::uint64_t cpus_milli) const {
  const Bandwidth cpu(cpus_milli);
  if (!layout_.hybrid) return write_limit("cpu", "cpu.max", fmt::format("{} {}", cpu.quota_us, cpu.period_us));
  write_limit("cpu", "cpu.cfs_period_us", std::to_string(cpu.period_us));
  write_limit("cpu", "cpu.cfs_quota_us", std::to_string(cpu.quota_us));
}

Facts Cgroup::read_back(const Limits& limits) const {
  const Bandwidth cpu(limits.cpus_milli);
  auto number = [&](const char* controller, const char* file, std::uint64_t wanted) {
    const auto found = parse_number(read(controller, file));
    expect(file, wanted, found);
    return std::to_string(found);
  };
  Facts facts{{"cgroup.layout", layout_.name()}, {"cgroup.pids.max", number("pids", "pids.max", limits.pids + 1)}};
  const auto memory = page_floor(limits.memory_bytes);
  if (layout_.hybrid) {
    facts.emplace_back("cgroup.memory.limit_in_bytes", number("memory", "memory.limit_in_bytes", memory));
    facts.emplace_back("cgroup.memory.memsw.limit_in_bytes",
                       layout_.swap_limited ? number("memory", "memory.memsw.limit_in_bytes", memory) : "no swap here");
    facts.emplace_back("cgroup.memory.kmem.tcp.limit_in_bytes",
                       number("memory", "memory.kmem.tcp.limit_in_bytes", memory));
    facts.emplace_back("cgroup.oom_group", "emulated");
    facts.emplace_back("cgroup.cpu", number("cpu", "cpu.cfs_quota_us", cpu.quota_us) + " " +
                                         number("cpu", "cpu.cfs_period_us", cpu.period_us));
    return facts;
  }
  facts.emplace_back("cgroup.memory.max", number("memory", "memory.max", memory));
  facts.emplace_back("cgroup.memory.swap.max", number("memory", "memory.swap.max", 0));
  facts.emplace_back("cgroup.oom_group", number("memory", "memory.oom.group", 1));
  const auto wanted = fmt::format("{} {}\n", cpu.quota_us, cpu.period_us);
  const auto found = read("cpu", "cpu.max");
  if (found != wanted) throw KernelError("read back", "cpu.max: the kernel has " + found, ENOTRECOVERABLE);
  facts.emplace_back("cgroup.cpu", found.substr(0, found.size() - 1));
  return facts;
}

Facts Cgroup::expect_member(pid_t pid) const {
  const auto found = read_file("/proc/" + std::to_string(pid) + "/cgroup");
  auto expect_in = [&](const std::string& controller) {
    const auto path = cgroup_of(found, controller);
    if (!path.ends_with("/" + name_))
      throw KernelError("read back", fmt::format("cgroup {}: the process is in {}", controller, path), ENOTRECOVERABLE);
  };
  expect_in("");
  std::string all = "v2";
  for (const auto& [controller, directory] : layout_.legacy) {
    expect_in(controller);
    all += " " + controller;
  }
  return {{"cgroup.member", all}};
}

std::vector<Fd> Cgroup::open_tasks() const {
  std::vector<Fd> tasks;
  for (const auto& directory : layout_.legacy_directories()) {
    const auto path = directory + "/" + name_ + "/tasks";
    tasks.emplace_back(check(::open(path.c_str(), O_WRONLY | O_CLOEXEC), "open", path));
  }
  return tasks;
}

Fd Cgroup::open_events() const {
  return open_cgroup_events(path_);
}

std::optional<Fd> Cgroup::watch_oom() const {
  if (!layout_.hybrid) return std::nullopt;
  Fd event(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "make an eventfd"));
  const auto& control = held("memory", oom_file(), O_RDONLY);
  check(control.get(), "open", in("memory", oom_file()));
  write_limit("memory", "cgroup.event_control", fmt::format("{} {}", event.get(), control.get()));
  return event;
}

// Dying takes processor time too: at a hundredth of a processor, 400 processes would be 14 seconds at it. Most jobs are
// gone before that is worth the milliseconds which the change of a quota takes.
bool Cgroup::kill_and_wait(std::chrono::milliseconds patience, int first) {
  write_file(path_ + "/cgroup.kill", "1");
  empty_ = wait_for_end(20ms, first);
  if (empty_) return true;
  try {
    lift_cpu_limit();
  } catch (const KernelError&) {
    // It dies all the same, only slower; what it says of itself must not be lost for that.
  }
  return empty_ = wait_for_end(patience, first);
}

bool Cgroup::wait_for_end(std::chrono::milliseconds patience, int first) const {
  pollfd ended{first, POLLIN, 0};
  if (first >= 0 && ::poll(&ended, 1, static_cast<int>(patience.count())) == 0) return false;
  return wait_until_empty(patience);
}

void Cgroup::lift_cpu_limit() const {
  const auto* file = layout_.hybrid ? "cpu.cfs_quota_us" : "cpu.max";
  const bool is_there = ::access(in("cpu", file).c_str(), F_OK) == 0;  // of an adopted one a part may be gone
  if (is_there) write_limit("cpu", file, layout_.hybrid ? "-1" : "max");
}

bool Cgroup::wait_until_empty(std::chrono::milliseconds patience) const {
  return cordon::wait_until_empty(path_, patience);
}

// In doubt it does: an id is given out again only when its cgroup is known to be gone.
bool Cgroup::exists() const {
  return ::access(path_.c_str(), F_OK) == 0 || errno != ENOENT;
}

void Cgroup::destroy() {
  if (!empty_ && exists()) {
    if (!kill_and_wait(teardown_patience))
      throw KernelError("empty cgroup", path_, EBUSY, "a process hangs in the kernel; its ids stay out of use");
  }
  owned_ = false;
  auto remove = [](const std::string& path) {
    if (::rmdir(path.c_str()) < 0 && errno != ENOENT) check(-1, "remove cgroup", path);
  };
  for (const auto& directory : layout_.legacy_directories()) remove(directory + "/" + name_);
  remove(path_);
}

std::size_t Cgroup::processes() const {
  const auto lines = read_file(path_ + "/cgroup.procs");
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
}

std::uint64_t Cgroup::cpu_us() const {
  return find_value(read(v2_tree, "cpu.stat"), "usage_usec").value_or(0);  // without a controller, too
}

std::uint64_t Cgroup::memory_used() const {
  return parse_number(read("memory", layout_.hybrid ? "memory.usage_in_bytes" : "memory.current"));
}

std::uint64_t Cgroup::oom_kills() const {
  return find_value(read("memory", oom_file()), "oom_kill").value_or(0);
}

std::uint64_t Cgroup::forks_denied() const {
  return find_value(read("pids", "pids.events"), "max").value_or(0);
}

std::optional<std::uint64_t> Cgroup::memory_peak() const {
  const auto text = read_if_there("memory", memory_peak_file());
  return text ? std::optional(parse_number(*text)) : std::nullopt;
}

std::optional<std::uint64_t> Cgroup::pids_peak() const {
  const auto text = read_if_there("pids", "pids.peak");
  return text ? std::optional(std::max<std::uint64_t>(parse_number(*text), 1) - 1) : std::nullopt;
}

const char* Cgroup::oom_file() const {
  return layout_.hybrid ? "memory.oom_control" : "memory.events";
}

const char* Cgroup::memory_peak_file() const {
  return layout_.hybrid ? "memory.max_usage_in_bytes" : "memory.peak";
}

void Cgroup::open_what_tells_the_end() const {
  held(v2_tree, "cpu.stat", O_RDONLY);
  held("memory", oom_file(), O_RDONLY);
  held("memory", memory_peak_file(), O_RDONLY);
  held("pids", "pids.events", O_RDONLY);
  held("pids", "pids.peak", O_RDONLY);
}

}  // namespace cordon
