#include "sandbox/launcher/sandbox.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>

#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/launcher/build.hpp"
#include "sandbox/launcher/collector.hpp"
#include "sandbox/launcher/hosts.hpp"
#include "sandbox/launcher/readback.hpp"
#include "sandbox/prestart/limits.hpp"
#include "sandbox/prestart/prestart.hpp"

namespace cordon {

namespace {

using namespace std::chrono_literals;
constexpr auto setup_patience = 30s;
constexpr auto interpreter_patience = 5s;  // to start, and for its job: a cold start costs less than to wait on
constexpr auto death_patience = 30s;
constexpr auto egress_patience = 100ms;  // for flows to be cut; then what holds them is killed all the same
constexpr auto collection_patience = 30s;

void write_identity_maps(int pid, const LaunchPlan& plan) {
  const auto proc = open_directory("/proc/" + std::to_string(pid));
  const auto map = fmt::format("{} {} 1", plan.init.inside_uid, plan.lease.tool_uid);
  write_file(proc.get(), "gid_map", map);
  write_file(proc.get(), "uid_map", map);
  write_file(proc.get(), "oom_score_adj", "1000");
}

// A descriptor of its own: one open file is one offset and one set of locks.
Fd open_library(const Host& host, const std::string& prestart) {
  const bool is_python = prestart::language_of(prestart) == prestart::Language::python;
  const auto path = fmt::format("/proc/self/fd/{}", (is_python ? host.python_library : host.node_library).get());
  return Fd(check(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open the library of", prestart));
}

// How a job ended is known by now and stays so: what cannot be found out beside it is noted.
void noting_failure(Finished& finished, const char* what, auto find_out) {
  try {
    find_out();
  } catch (const KernelError& e) {
    finished.denials.push_back({what, std::nullopt, std::string("incomplete: ") + e.what()});
  }
}

std::string named(const LaunchPlan& plan) {
  return plan.imports.empty() ? plan.prestart
                              : fmt::format("{} that imports {}", plan.prestart, fmt::join(plan.imports, ", "));
}

void add(Facts& facts, const Facts& more) {
  facts.insert(facts.end(), more.begin(), more.end());
}

bool is_the_tools_own(const Ending& ending) {
  return std::holds_alternative<Exited>(ending) || std::holds_alternative<Signalled>(ending);
}

std::uint64_t to_us(std::chrono::nanoseconds t) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(t).count());
}

}  // namespace

Sandbox::Sandbox(int lifeline, LaunchPlan plan, Host& host, Timings& timings, Witness& witness)
    : lifeline_(lifeline),
      plan_(std::move(plan)),
      host_(host),
      timings_(timings),
      witness_(witness),
      cgroup_(host.cgroups, plan_.lease.cgroup_name()),
      workspace_(scratch_bounds(plan_, plan_.waiting), plan_.lease.tool_uid),
      streams_(plan_.lease.tool_uid) {
  if (!plan_.prestart.empty()) input_.emplace();
  if (!plan_.egress.empty()) {
    workspace_.make_hosts(max_hosts_bytes);
    workspace_.write_hosts(hosts_of({}));
  }
}

Prepared Sandbox::prepare() {
  cgroup_.set_limits(plan_.waiting);
  timings_.mark("cgroup");
  start();
  timings_.mark("clone");
  watch_.emplace(lifeline_, tool_.ours.get(), init_.ours.get(), child_->pidfd.get(), cgroup_);
  try {
    auto facts = confine();
    if (input_) start_interpreter();
    return {std::move(facts), plan_.filter};
  } catch (const KernelError& e) {
    throw watch_->last_words().value_or(e);  // when the sandbox failed, what we then fail in is not the cause
  }
}

void Sandbox::start() {
  const auto init_plan = sealed_memfd("cordon-init-plan", encode(plan_.init));
  const auto tasks = cgroup_.open_tasks();
  const auto library = input_ ? open_library(host_, plan_.prestart) : Fd();
  const auto nothing = host_.nothing.get();
  const BuildInputs inputs{plan_,
                           host_.images,
                           workspace_,
                           tasks,
                           host_.init_program.get(),
                           host_.namespace_limits.get(),
                           input_ ? input_->standard_in() : nothing,
                           streams_.out.write.get(),
                           streams_.err.write.get(),
                           init_.theirs.get(),
                           tool_.theirs.get(),
                           init_plan.get(),
                           input_ ? input_->payload() : nothing,
                           refused_.memory(),
                           library ? library.get() : nothing};
  constexpr std::uint64_t namespaces = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  child_.emplace(clone_child(namespaces, cgroup_.directory()));
  if (child_->pid == 0) become_sandbox(inputs);
  init_.theirs.reset();
  tool_.theirs.reset();
  streams_.close_tool_ends();
}

// Behind everything that will confine the job, and as who the job will run.
void Sandbox::start_interpreter() {
  send_message(tool_.ours.get(), go);
  try {
    watch_->expect<InterpreterReady>(interpreter_patience);
  } catch (const NotInTime&) {
    throw KernelError(
        "start the interpreter that waits", fmt::format("{}, {}", plan_.image, named(plan_)), ETIMEDOUT,
        "it was not ready within 5 s: run it in the image by hand; an import or what it writes may hang it");
  }
  timings_.mark("interpreter");
}

// The maps, the rights given up inside, and the kernel's own account of it.
Facts Sandbox::confine() {
  watch_->expect<UserNamespaceEntered>(setup_patience);
  timings_.mark("mounts");
  write_identity_maps(watch_->tool_pid(), plan_);
  send_message(tool_.ours.get(), maps_written);
  if (!plan_.egress.empty()) egress_network_.emplace(child_->pid);  // meanwhile
  const auto probed = watch_->expect<Probed>(setup_patience);
  timings_.mark("self_probe");
  refused_.forget_self_probe(probed.recorded);
  auto facts = read_back(plan_, cgroup_, child_->pid, watch_->tool_pid(), probed);
  mounts_.reset(check(::open(fmt::format("/proc/{}/ns/mnt", child_->pid).c_str(), O_RDONLY | O_CLOEXEC),
                      "open the sandbox's mount namespace"));
  network_.emplace(child_->pid);
  timings_.mark("read_back");
  return facts;
}

ReceivedMessage Sandbox::await_job() {
  auto message = watch_->await_lifeline();
  timings_.mark("idle");
  return message;
}

Finished Sandbox::run(const JobSpec& job, std::vector<Fd> memfds) {
  cgroup_.name_job(job.id);
  // Said at once; what it takes to be written passes while the job is given to the sandbox.
  const auto& image = host_.policy.config.images.at(plan_.image);
  witness_.begin({0, job.id, plan_.image, plan_.profile_digest, plan_.filter, image.sha256, job.limits});
  try {
    if (!job.egress.empty()) workspace_.write_hosts(hosts_of(job.egress));
    used_before_ = workspace_.used();
    auto facts = give(job, memfds);
    for (const auto read : {payload_fd, stdin_fd}) memfds[read].reset();  // nothing keeps their memory while it runs
    witness_.expect_begun();
    expect_open(host_.latch, job.generation);
    send_message(lifeline_, encode(LauncherMessage(Started{std::move(facts)})));
    watch_->count_cpu_from_now();
    send_message(tool_.ours.get(), go);
  } catch (const KernelError& e) {
    throw watch_->last_words().value_or(e);
  }
  gone_ = true;
  timings_.mark("assign");
  const auto started = boot_time();
  cgroup_.open_what_tells_the_end();
  Finished finished;
  finished.ending = watch_->until_the_end(job.limits);
  finished.usage.wall_us = to_us(boot_time() - started);
  leaves_ = is_the_tools_own(finished.ending);
  timings_.mark("run");
  if (!end()) finished.ending = Hanging{};
  timings_.mark("kill");
  find_out(finished);
  gather(memfds[globs_fd].get(), job);
  timings_.mark("collect");
  return finished;
}

// The limits first: what the sandbox then makes of the job counts against them.
Facts Sandbox::give(const JobSpec& job, const std::vector<Fd>& memfds) {
  if (input_) expect_it_may_take(job.limits);
  cgroup_.set_limits(job.limits);
  workspace_.resize(scratch_bounds(plan_, job.limits));
  if (input_)
    give_to_interpreter(memfds);
  else
    send_message(init_.ours.get(), job_is_here, {memfds[payload_fd].get(), memfds[stdin_fd].get()});
  open_egress(job);                                                       // meanwhile
  auto facts = read_back_limits(plan_, job.limits, cgroup_, workspace_);  // likewise
  watch_->expect<JobRead>(input_ ? interpreter_patience : setup_patience);
  set_resource_limits(job.limits);
  add(facts, read_back_resource_limits(plan_, job.limits, watch_->tool_pid()));
  if (egress_) {
    add(facts, egress_network_->facts());
    add(facts, egress_->expect_served());
  }
  return facts;
}

void Sandbox::give_to_interpreter(const std::vector<Fd>& memfds) {
  send_message(init_.ours.get(), job_for_interpreter);
  input_->fill(memfds[payload_fd], memfds[stdin_fd]);
  input_->close();
  watch_->expect<DescriptorsLeft>(interpreter_patience);  // no job is given to what outlives its pid 1 by an instant
  send_message(tool_.ours.get(), prestart::take_job);
}

// A limit below what it has already cannot be set everywhere, and would be felt otherwise than by a fresh one.
void Sandbox::expect_it_may_take(const Limits& limits) const {
  const auto* const reason = prestart::why_not(prestart::language_of(plan_.prestart), plan_.waiting, limits);
  if (reason != nullptr) throw JobDeclined{reason};
  if (cgroup_.processes() != 2) throw JobDeclined{"processes that its start has left"};  // pid 1 and itself
  if (limits.memory_bytes < plan_.waiting.memory_bytes && limits.memory_bytes < 2 * cgroup_.memory_used())
    throw JobDeclined{"less memory than it may need"};
}

void Sandbox::set_resource_limits(const Limits& limits) const {
  EffectiveUser owner(plan_.lease.init_uid);
  for (const auto& [resource, value] : resource_limits_of_job(limits)) {
    const rlimit limit{value, value};
    check(::prlimit(watch_->tool_pid(), static_cast<__rlimit_resource>(resource), &limit, nullptr),
          "set resource limit", std::to_string(resource));
  }
  owner.leave();
}

// Before the latch is looked at: a kill that comes meanwhile cuts what was opened.
void Sandbox::open_egress(const JobSpec& job) {
  if (job.egress.empty()) return;
  egress_.emplace(host_.egress, job, host_.policy.config.egress.private_egress, child_->pid);
  timings_.mark("egress");
}

// What flows is cut before what could still send is killed; unless pid 1 leaves, which has the kernel kill the rest
// without waiting for anybody.
// "Dead" is `populated 0`, never "the child exited".
bool Sandbox::end() {
  if (!child_ || child_->pid < 0) return true;
  if (egress_) egress_->end(leaves_ ? 0ms : egress_patience);
  if (!cgroup_.kill_and_wait(death_patience, child_->pidfd.get())) return child_->abandon(), false;
  child_->wait();
  return true;
}

void Sandbox::find_out(Finished& finished) {
  noting_failure(finished, "denials", [&] {
    finished.denials = refused_.list(host_.policy.call_names);
    if (const auto n = cgroup_.forks_denied()) finished.denials.push_back({"pids", n, "a new process or thread"});
    if (const auto n = network_->count()) finished.denials.push_back({"network", n, "no route out of the sandbox"});
    if (auto full = workspace_.full()) finished.denials.push_back(*full);
  });
  noting_failure(finished, "usage", [&] {
    finished.usage.cpu_us = static_cast<std::uint64_t>(watch_->cpu_used().count());
    finished.usage.memory_peak_bytes = cgroup_.memory_peak();
    finished.usage.pids_peak = cgroup_.pids_peak();
    const auto used = workspace_.used();
    const auto more = [](std::uint64_t now, std::uint64_t before) { return now > before ? now - before : 0; };
    finished.usage.scratch_files = more(used.files, used_before_.files);
    finished.usage.scratch_bytes = more(used.bytes, used_before_.bytes);
  });
}

// A sparse file has as many bytes as it says: no more are read than the scratch could hold. A scratch space that has
// nothing more in it than before the job needs no survey.
void Sandbox::gather(int globs, const JobSpec& job) {
  const auto out = streams_.artifacts.write.get();
  try {
    struct stat list {};
    check(::fstat(globs, &list), "fstat the globs");
    constexpr off_t empty_list = 4;
    const bool survey = job.survey && !(workspace_.used() == used_before_);
    const CollectBounds bounds{plan_.collect.files, std::min(plan_.collect.bytes, job.limits.scratch_bytes)};
    if (list.st_size > empty_list || survey)
      collect({workspace_.root(), globs, out, survey, plan_.lease.tool_uid, bounds, host_.policy.collector_filter,
               lifeline_, collection_patience});
    else if (job.survey)
      tell_nothing_left(out);
  } catch (const KernelError& e) {
    tell_no_collection(out, e.what());
  }
  streams_.artifacts.write.reset();
}

}  // namespace cordon
