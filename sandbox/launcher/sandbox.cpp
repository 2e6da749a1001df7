#include "sandbox/launcher/sandbox.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/launcher/build.hpp"
#include "sandbox/launcher/cgroup.hpp"
#include "sandbox/launcher/collector.hpp"
#include "sandbox/launcher/hello.hpp"
#include "sandbox/launcher/network_denials.hpp"
#include "sandbox/launcher/readback.hpp"
#include "sandbox/launcher/seccomp_denials.hpp"
#include "sandbox/launcher/timings.hpp"
#include "sandbox/launcher/watch.hpp"
#include "sandbox/launcher/workspace.hpp"
#include "sandbox/report.hpp"

namespace cordon {

namespace {

using namespace std::chrono_literals;
constexpr auto setup_patience = 30s;
constexpr auto death_patience = 30s;
constexpr auto collection_patience = 30s;

struct Pipe {
  Fd read, write;

  Pipe() {
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
};

struct SocketPair {
  Fd ours, theirs;

  SocketPair() {
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), "make a socket pair");
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
    constexpr int yes = 1;
    check(::setsockopt(ours.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes), "ask for the sender's pid");
  }
};

// The tool's standard streams and the artifacts: made here, by root, so that the pipes have their full size; given to
// the job's uid, so that it can open /dev/stdout.
struct Streams {
  Pipe out, err, artifacts;

  explicit Streams(std::uint32_t uid) {
    for (const auto* pipe : {&out, &err}) check(::fchown(pipe->write.get(), uid, uid), "give away a pipe");
  }
  std::vector<int> read_ends() const { return {out.read.get(), err.read.get(), artifacts.read.get()}; }
  void close_tool_ends() {
    for (auto* pipe : {&out, &err}) pipe->write.reset(), pipe->read.reset();
    artifacts.read.reset();
  }
};

// Anything but a sealed memfd could be a way out of the sandbox: a directory, a socket, a file that changes.
void require_sealed_memfd(const Fd& fd) {
  constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const int found = ::fcntl(fd.get(), F_GET_SEALS);
  if (found < 0 || (found & seals) != seals)
    throw KernelError("accept a descriptor", "that is not a sealed memfd", found < 0 ? errno : EINVAL,
                      "send sealed memfds only");
}

void write_identity_maps(int pid, const LaunchPlan& plan) {
  const auto proc = open_directory("/proc/" + std::to_string(pid));
  const auto map = fmt::format("{} {} 1", plan.init.inside_uid, plan.lease.tool_uid);
  write_file(proc.get(), "gid_map", map);
  write_file(proc.get(), "uid_map", map);
  write_file(proc.get(), "oom_score_adj", "1000");
}

void limit_open_files(int pid, std::uint64_t open_files, const Lease& lease) {
  EffectiveUser owner(lease.init_uid);
  const rlimit limit{open_files, open_files};
  check(::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr), "set resource limit", "nofile");
  owner.leave();
}

std::vector<Denial> find_denials(const Cgroup& cgroup, const Workspace& workspace, const NetworkDenials& network,
                                 std::vector<Denial> denials) {
  if (const auto n = cgroup.forks_denied()) denials.push_back({"pids", n, "a new process or thread"});
  if (const auto n = network.count()) denials.push_back({"network", n, "no route out of the sandbox"});
  if (auto full = workspace.full()) denials.push_back(*full);
  return denials;
}

// How a job ended is known by now and stays so: what cannot be found out beside it is noted.
void noting_failure(Finished& finished, const char* what, auto find_out) {
  try {
    find_out();
  } catch (const KernelError& e) {
    finished.denials.push_back({what, std::nullopt, std::string("incomplete: ") + e.what()});
  }
}

const CompiledProfile& find_profile(Host& host, const Sha256& digest) {
  if (const auto* known = host.policy.find(digest)) return *known;
  host.policy = load_policy(host.config_file);  // the files may have changed since this launcher read them
  if (const auto* found = host.policy.find(digest)) return *found;
  throw KernelError("find the profile", hex(digest), ENOENT,
                    "cordond and the launcher read different files: reload both");
}

LaunchPlan plan_job(Host& host, const JobSpec& spec, Lease lease) {
  if (!host.images.has(spec.image))
    throw KernelError("find the image", spec.image, ENOENT, "restart the launcher after adding an image");
  const auto& profile = find_profile(host, spec.profile);
  auto plan = make_plan(spec, profile, host.policy.init_filter, lease);
  if (!plan) throw KernelError(plan.error().step, plan.error().object, plan.error().error, plan.error().remedy);
  return *plan;
}

// The life of a job. Everything it makes, it owns: leaving this function by any way takes it all down.
class Sandbox {
 public:
  Sandbox(int lifeline, const LaunchPlan& plan, std::uint64_t generation, std::vector<Fd>& memfds, Host& host,
          Timings& timings)
      : lifeline_(lifeline),
        plan_(plan),
        generation_(generation),
        memfds_(memfds),
        host_(host),
        timings_(timings),
        cgroup_(host.cgroups, plan.lease.cgroup_name()),
        workspace_(plan),
        streams_(plan.lease.tool_uid) {}

  Finished run() {
    accept();
    cgroup_.name_job(plan_.job);
    cgroup_.set_limits(plan_.limits);
    timings_.mark("cgroup");
    auto init = start();
    timings_.mark("clone");
    Watch watch(lifeline_, tool_.ours.get(), init_.ours.get(), init.pidfd.get(), cgroup_);
    std::optional<NetworkDenials> network;
    try {
      auto facts = prepare(watch, init.pid);
      network.emplace(init.pid);
      expect_open(host_.latch, generation_);
      send_message(lifeline_, encode(LauncherMessage(Started{std::move(facts), plan_.filter})));
      send_message(tool_.ours.get(), go);
    } catch (const KernelError& e) {
      throw watch.last_words().value_or(e);  // when the sandbox failed, what we then fail in is not the cause
    }
    gone_ = true;
    const auto started = boot_time();
    Finished finished;
    finished.ending = watch.until_the_end(plan_.limits);
    finished.usage.wall_us = to_us(boot_time() - started);
    timings_.mark("run");
    if (!end(init)) finished.ending = Hanging{};
    timings_.mark("kill");
    noting_failure(finished, "denials", [&] {
      finished.denials = find_denials(cgroup_, workspace_, *network, refused_.list(host_.policy.call_names));
    });
    noting_failure(finished, "usage", [&] {
      finished.usage.cpu_us = static_cast<std::uint64_t>(watch.cpu_used().count());
      add_peaks(finished.usage);
    });
    gather();
    timings_.mark("collect");
    return finished;
  }

  bool gone() const { return gone_; }  // the tool was told to go: from here on a failure of ours is no failed set-up

 private:
  void accept() const {
    const auto events = cgroup_.open_events();
    auto fds = streams_.read_ends();
    fds.push_back(events.get());
    send_message(lifeline_, encode(LauncherMessage(Accepted{})), fds);
  }

  Child start() {
    const auto init_plan = sealed_memfd("cordon-init-plan", encode(plan_.init));
    const auto tasks = cgroup_.open_tasks();
    const BuildInputs inputs{plan_,
                             host_.images,
                             workspace_,
                             tasks,
                             host_.init_program.get(),
                             memfds_[stdin_fd].get(),
                             streams_.out.write.get(),
                             streams_.err.write.get(),
                             init_.theirs.get(),
                             tool_.theirs.get(),
                             init_plan.get(),
                             memfds_[payload_fd].get(),
                             refused_.memory()};
    constexpr std::uint64_t namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    auto init = clone_child(namespaces, cgroup_.directory());
    if (init.pid == 0) become_sandbox(inputs);
    init_.theirs.reset();
    tool_.theirs.reset();
    streams_.close_tool_ends();
    return init;
  }

  // Up to the word "go": the maps, the rights given up inside, and the kernel's own account of it.
  Facts prepare(Watch& watch, pid_t init) {
    watch.expect<UserNamespaceEntered>(setup_patience);
    timings_.mark("mounts");
    write_identity_maps(watch.tool_pid(), plan_);
    send_message(tool_.ours.get(), maps_written);
    const auto probed = watch.expect<Probed>(setup_patience);
    timings_.mark("self_probe");
    refused_.forget_self_probe(probed.recorded);
    memfds_[payload_fd].reset();  // it is read: nothing keeps its memory while the job runs
    limit_open_files(watch.tool_pid(), plan_.limits.open_files, plan_.lease);
    auto facts = read_back(plan_, cgroup_, init, watch.tool_pid(), probed);
    for (auto& fact : cgroup_.expect_member(watch.tool_pid())) facts.push_back(std::move(fact));
    for (auto& fact : workspace_.read_back(plan_)) facts.push_back(std::move(fact));
    timings_.mark("read_back");
    return facts;
  }

  // "Dead" is `populated 0`, never "the child exited".
  bool end(Child& init) {
    if (!cgroup_.kill_and_wait(death_patience)) return init.abandon(), false;
    init.wait();
    return true;
  }

  void add_peaks(Usage& usage) const {
    usage.memory_peak_bytes = cgroup_.memory_peak();
    usage.pids_peak = cgroup_.pids_peak();
  }

  void gather() {
    try {
      struct stat globs {};
      check(::fstat(memfds_[globs_fd].get(), &globs), "fstat the globs");
      constexpr off_t empty_list = 4;
      if (globs.st_size > empty_list)
        collect({workspace_.work(), memfds_[globs_fd].get(), streams_.artifacts.write.get(), plan_.lease.tool_uid,
                 bounds(), host_.policy.collector_filter, lifeline_, collection_patience});
    } catch (const KernelError& e) {
      tell_no_collection(streams_.artifacts.write.get(), e.what());
    }
    streams_.artifacts.write.reset();
  }

  // A sparse file has as many bytes as it says: no more are read than the scratch could hold.
  CollectBounds bounds() const {
    return {plan_.collect.files, std::min(plan_.collect.bytes, plan_.limits.scratch_bytes)};
  }

  static std::uint64_t to_us(std::chrono::nanoseconds t) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(t).count());
  }

  int lifeline_;
  const LaunchPlan& plan_;
  std::uint64_t generation_;
  std::vector<Fd>& memfds_;
  Host& host_;
  Timings& timings_;
  Cgroup cgroup_;
  Workspace workspace_;
  Streams streams_;
  SeccompDenials refused_;
  SocketPair init_, tool_;
  bool gone_ = false;
};

// By root's stop-all, perhaps: it kills by the cgroup, and we only see what that does to us.
bool was_ended_from_outside(const Ending& ending) {
  return std::holds_alternative<SetupFailed>(ending) || std::holds_alternative<Vanished>(ending);
}

void serve_job(int lifeline, ReceivedMessage& request, std::optional<Lease> lease, Host& host) {
  Timings timings;
  Finished finished;
  std::optional<Sandbox> sandbox;
  std::optional<LaunchPlan> plan;
  try {
    const auto spec = decode_job_spec(request.bytes);
    if (!spec || request.fds.size() != job_fd_count)
      throw KernelError("decode the request", "of cordond", EBADMSG,
                        "cordond and the launcher are of different versions");
    for (const auto& fd : request.fds) require_sealed_memfd(fd);
    if (!lease) throw KernelError("lease ids for a job", "", EAGAIN, "raise uids.count, or lower max_running");
    plan = plan_job(host, *spec, *lease);
    sandbox.emplace(lifeline, *plan, spec->generation, request.fds, host, timings);
    finished = sandbox->run();
  } catch (const KernelError& e) {
    if (sandbox && sandbox->gone())
      finished.ending = Vanished{e.what()};
    else
      finished.ending = SetupFailed{e.step, e.object, e.error, e.remedy};
  } catch (const std::bad_alloc&) {
    if (sandbox && sandbox->gone())
      finished.ending = Vanished{"the launcher is out of memory"};
    else
      finished.ending = SetupFailed{"allocate memory", "in the launcher", ENOMEM, "the host is out of memory"};
  } catch (const LifelineClosed&) {
    finished.ending = HungUp{};
  } catch (const LatchClosed& closed) {
    finished.ending = closed.ending;
  }
  if (was_ended_from_outside(finished.ending))
    if (auto stopped = host.latch.stopped()) finished.ending = *stopped;
  finished.timings_us = timings.list();
  send_message(lifeline, encode(LauncherMessage(finished)));
}

std::optional<ReceivedMessage> receive_request(int lifeline) {
  try {
    return receive_message(lifeline, max_message, job_fd_count);
  } catch (const KernelError& e) {
    refuse_job(lifeline, e);
    throw;
  }
}

}  // namespace

void refuse_job(int lifeline, const KernelError& why) {
  Finished finished;
  finished.ending = SetupFailed{why.step, why.object, why.error, why.remedy};
  send_message(lifeline, encode(LauncherMessage(finished)));
}

void serve_lifeline(Fd lifeline, std::optional<Lease> lease, Host& host) {
  auto request = receive_request(lifeline.get());
  if (!request || request->bytes.empty()) return;
  if (is_hello(request->bytes)) return answer_hello(lifeline.get(), host);
  serve_job(lifeline.get(), *request, lease, host);
}

}  // namespace cordon
