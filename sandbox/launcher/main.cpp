// cordon-launcher: the only process of Cordon with rights.
//
// Resident, as root. It reads root-owned configuration and profiles, prepares the images in a mount namespace of its
// own, and listens on RUNTIME/launcher.sock, which only cordond may open. For every connection (a lifeline) it leases
// ids and forks one process that lives exactly as long as the job: it receives one bounded binary JobSpec and three
// sealed memfds that it passes on unread, builds the sandbox, reads back what the kernel enforces, looks at the kill
// switch's latch, says go, holds it against its limits, ends it, collects artifacts through a child without rights, and
// reports. Half-close of the lifeline means kill.
//
// No byte of a client is parsed here, no thread, no shell, no HTTP.
#include <fmt/format.h>
#include <sys/mount.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/kernel/ready.hpp"
#include "sandbox/latch.hpp"
#include "sandbox/launcher/instance.hpp"
#include "sandbox/launcher/namespace_limits.hpp"
#include "sandbox/launcher/resident.hpp"

namespace cordon {
namespace {

struct Options {
  std::string runtime_dir = "/run/cordon";
  std::string state_dir = "/var/lib/cordon";
  std::string config = "/etc/cordon/cordon.json";
  bool private_instance = false;
  int ready_fd = -1;
};

std::string read_beside_us(const char* name) {
  return read_file(std::filesystem::read_symlink("/proc/self/exe").parent_path() / name);
}

Fd load_library(const char* name) {
  return sealed_memfd(name, read_beside_us(name));  // for the job's uid to read
}

// When memory runs out the kernel should kill jobs (theirs is 1000), never who holds them. A host that does not let us
// is served all the same; what is really set is in /v1/info.
void protect_from_oom() {
  constexpr const char* file = "/proc/self/oom_score_adj";
  constexpr int protected_score = -900;
  try {
    if (std::stoi(read_file(file)) > protected_score) write_file(file, std::to_string(protected_score));
  } catch (const KernelError& e) {
    fmt::print(stderr, "cordon-launcher: not protected from the OOM killer: {}\n", e.what());
  }
}

// What is on the host of a launcher that cannot start, or fails later, goes with it all the same.
class HostTraces {
 public:
  HostTraces(CgroupLayout cgroups, std::string stage) : cgroups_(std::move(cgroups)), stage_(std::move(stage)) {}
  ~HostTraces() {
    ::umount2(stage_.c_str(), MNT_DETACH);
    ::rmdir(stage_.c_str());
    remove_cgroups(cgroups_);
  }
  HostTraces(const HostTraces&) = delete;
  HostTraces& operator=(const HostTraces&) = delete;

 private:
  CgroupLayout cgroups_;
  std::string stage_;
};

// Where root's stop-all stands, and where root finds the jobs when nobody else answers.
StopAllPlaces prepare_latch_places(const Options& options, const std::string& jobs_cgroup) {
  StopAllPlaces places{options.runtime_dir, options.state_dir};
  write_launcher_file(places.runtime_dir, {jobs_cgroup, places.state_dir});
  return places;
}

void run(const Options& options) {
  protect_from_oom();
  auto policy = load_policy(options.config);
  // First: once the images have mount namespaces of their own, the path of our program may be gone with the one it
  // began in.
  auto init = sealed_program("cordon-init", read_beside_us("cordon-init"));
  auto python = load_library("cordon-prestart-python.so"), node = load_library("cordon-prestart-node.so");
  const auto instance = options.private_instance ? private_instance(options.state_dir, policy.config.evidence.on)
                                                 : installed_instance(policy.config);
  prepare_directories(instance, options.runtime_dir, options.state_dir);
  auto cgroups = prepare_cgroups(instance.name);
  auto claim = claim_cgroups(cgroups);
  const auto stage = options.runtime_dir + "/stage";
  const HostTraces traces(cgroups, stage);
  const auto swept = sweep_cgroups(cgroups);
  if (swept.removed > 0) fmt::print(stderr, "cordon-launcher: swept {} cgroups\n", swept.removed);
  Leases leases(instance.first_uid, instance.uid_count);
  for (const auto& name : swept.hanging) {
    fmt::print(stderr, "cordon-launcher: a process of {} hangs in the kernel; its ids stay out of use\n", name);
    leases.withhold(name);
  }
  std::filesystem::create_directory(stage);
  Images images(stage, policy.config.images);
  const LedgerPlace ledger{instance.ledger_uid ? options.runtime_dir + witness::socket_name : "",
                           instance.ledger_uid.value_or(0)};
  auto namespace_limits = make_namespace_limits(stage + "/limits");
  const auto places = prepare_latch_places(options, cgroups.unified);
  Host host{options.config,
            std::move(policy),
            std::move(cgroups),
            std::move(images),
            std::move(namespace_limits),
            std::move(init),
            std::move(python),
            std::move(node),
            sealed_memfd("cordon-nothing", ""),
            Latch{make_latch_page(), places},
            EgressPlace{options.runtime_dir + "/egress.sock", instance.egress_uid},
            ledger,
            std::move(claim)};
  Resident resident(host, std::move(leases), options.runtime_dir + "/launcher.sock", instance.daemon_uid);
  if (options.private_instance) write_instance_file(instance, options.runtime_dir);
  announce_ready(options.ready_fd);
  resident.serve();
  host.images.remove();
  if (options.private_instance)
    for (const char* name : {"/instance.env", "/launcher.env"}) std::filesystem::remove(options.runtime_dir + name);
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) {
  cordon::Options options;
  CLI::App app{"cordon-launcher: builds, holds and ends sandboxes for cordond"};
  app.set_version_flag("--version", CORDON_VERSION);
  app.add_option("--runtime-dir", options.runtime_dir, "where launcher.sock is made")->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "what survives a restart")->capture_default_str();
  app.add_option("--config", options.config, "configuration; defaults apply when it is absent")->capture_default_str();
  app.add_flag("--private", options.private_instance, "an instance beside the installed one, with ids of its own");
  app.add_option("--ready-fd", options.ready_fd, "gets one newline once jobs can be served");
  CLI11_PARSE(app, argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    for (auto* path : {&options.runtime_dir, &options.state_dir, &options.config})
      *path = std::filesystem::absolute(*path).string();  // the images' namespaces change the working directory
    if (::geteuid() != 0) throw cordon::KernelError("start", "cordon-launcher", EPERM, "run it as root");
    cordon::run(options);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "cordon-launcher: {}\n", e.what());
    return 1;
  }
}
