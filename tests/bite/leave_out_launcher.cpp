// The test-only launcher: cordon-launcher's own objects, in which single steps of a launch are left out, as the file
// says that CORDON_LEAVE_OUT names. A set of steps holds for a whole job; the file is read anew for each.
//
// Care is taken of the host: what a sandbox without a namespace of its own would change of the host's is not done.
// Runs in: cordon-launcher's place, as root, in tests only.
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

#include "profiles/seccomp_comparisons.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/mount.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/launcher/cgroup.hpp"
#include "sandbox/launcher/images.hpp"
#include "sandbox/launcher/latch.hpp"
#include "sandbox/launcher/plan.hpp"
#include "sandbox/launcher/readback.hpp"
#include "sandbox/launcher/workspace.hpp"
#include "tests/bite/steps.hpp"

namespace cordon::bite {
namespace {

std::uint64_t read_steps() {
  std::uint64_t steps = 0;
  const char* name = std::getenv("CORDON_LEAVE_OUT");
  if (name == nullptr) std::abort();
  std::ifstream file(name);
  for (std::string word; file >> word;) {
    const auto* found = std::find(std::begin(step_names), std::end(step_names), word);
    if (found == std::end(step_names)) std::abort();
    steps |= std::uint64_t{1} << (found - std::begin(step_names));
  }
  return steps;
}

std::uint64_t left_out = read_steps();

bool leaves_out(Step step) {
  return (left_out & bit(step)) != 0;
}

template <typename T>
T without(Step step, T flags, T flag) {
  return leaves_out(step) ? flags & ~flag : flags;
}

// Of the host, taken where it can still be seen.
Fd host_shm, host_var;

using Compared = std::optional<Comparisons>;
using Patience = std::chrono::milliseconds;

}  // namespace

// What was decided.

WRAPPED(
    _ZN6cordon9make_planERKNS_11PreparationERKNS_15CompiledProfileERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEENS_5LeaseE,
    LaunchPlan, make_plan,
    (const Preparation& wanted, const CompiledProfile& profile, const std::string& init_filter, Lease lease)) {
  left_out = read_steps();
  if (leaves_out(Step::own_shm)) host_shm.reset(::open_tree(AT_FDCWD, "/dev/shm", OPEN_TREE_CLONE));
  if (leaves_out(Step::small_namespace)) host_var.reset(::open_tree(AT_FDCWD, "/var", OPEN_TREE_CLONE));
  if (leaves_out(Step::unique_uid)) lease.tool_uid |= 63;
  return product_make_plan(wanted, profile, init_filter, lease);
}

WRAPPED(_ZN6cordon6encodeB5cxx11ERKNS_8InitPlanE, wire::Bytes, encode, (const InitPlan& plan)) {
  auto telling = plan;
  telling.rlimits.push_back({resource_of_steps, left_out});
  return product_encode(telling);
}

WRAPPED(_ZN6cordon24on_what_the_kernel_readsESt17basic_string_viewIcSt11char_traitsIcEERKNS_11SeccompRuleE, Compared,
        on_what_the_kernel_reads, (std::string_view call, const SeccompRule& rule)) {
  const bool as_written = leaves_out(Step::narrowing) && rule.args.size() == 1;  // several have a meaning of their own
  if (as_written) return Comparisons{{rule.args}, {}};
  return product_on_what_the_kernel_reads(call, rule);
}

WRAPPED(_ZN6cordon9read_backB5cxx11ERKNS_10LaunchPlanERKNS_6CgroupEiiRKNS_6ProbedE, Facts, read_back,
        (const LaunchPlan& plan, const Cgroup& cgroup, int init, int pid, const Probed& probed)) {
  return leaves_out(Step::read_back) ? Facts{} : product_read_back(plan, cgroup, init, pid, probed);
}

WRAPPED(_ZNK6cordon6Cgroup13expect_memberB5cxx11Ei, Facts, expect_member, (const Cgroup* self, pid_t pid)) {
  return leaves_out(Step::read_back) ? Facts{} : product_expect_member(self, pid);
}

WRAPPED(_ZN6cordon16read_back_limitsB5cxx11ERKNS_10LaunchPlanERKNS_6LimitsERKNS_6CgroupERKNS_9WorkspaceE, Facts,
        read_back_limits,
        (const LaunchPlan& plan, const Limits& limits, const Cgroup& cgroup, const Workspace& workspace)) {
  return leaves_out(Step::read_back) ? Facts{} : product_read_back_limits(plan, limits, cgroup, workspace);
}

WRAPPED(_ZN6cordon25read_back_resource_limitsB5cxx11ERKNS_10LaunchPlanERKNS_6LimitsEi, Facts, read_back_resource_limits,
        (const LaunchPlan& plan, const Limits& limits, int pid)) {
  return leaves_out(Step::read_back) ? Facts{} : product_read_back_resource_limits(plan, limits, pid);
}

// Cgroups. What is left out is a limit's size: another bound is always there.

WRAPPED(_ZN6cordon6CgroupC1ERKNS_12CgroupLayoutENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE, void, make_cgroup,
        (void* self, const CgroupLayout& layout, std::string name)) {
  if (leaves_out(Step::unique_uid)) name += "-" + std::to_string(::getpid());
  product_make_cgroup(self, layout, std::move(name));
}

WRAPPED(_ZN6cordon6Cgroup10set_limitsERKNS_6LimitsE, void, set_limits, (Cgroup * self, const Limits& limits)) {
  auto wider = limits;
  if (leaves_out(Step::memory_limit)) wider.memory_bytes += 128 << 20;
  if (leaves_out(Step::pids_limit)) wider.pids += 64;
  if (leaves_out(Step::cpu_limit)) wider.cpus_milli = 2000;
  product_set_limits(self, wider);
}

WRAPPED(_ZN6cordon5Watch13until_the_endERKNS_6LimitsE, Ending, until_the_end, (void* self, const Limits& limits)) {
  auto wider = limits;
  if (leaves_out(Step::wall_limit)) wider.wall_ms += 5000;
  if (leaves_out(Step::cpu_time_limit)) wider.cpu_ms += 5000;
  return product_until_the_end(self, wider);
}

// In a hybrid layout whoever writes "0" joins.
WRAPPED(write, ssize_t, write, (int fd, const void* bytes, std::size_t size)) {
  struct statfs at {};
  const bool is_legacy = ::fstatfs(fd, &at) == 0 && at.f_type == CGROUP_SUPER_MAGIC;  // v2: "0" is a limit for swap
  const bool joins = is_legacy && size == 1 && *static_cast<const char*>(bytes) == '0';
  return joins && leaves_out(Step::cgroup_join) ? 1 : product_write(fd, bytes, size);
}

// The destructor's kill stays: nothing outlives the test.
WRAPPED(_ZN6cordon6Cgroup13kill_and_waitENSt6chrono8durationIlSt5ratioILl1ELl1000EEEEi, bool, kill_and_wait,
        (Cgroup * self, Patience patience, int first)) {
  if (leaves_out(Step::cgroup_kill)) return self->wait_until_empty(Patience(300));
  return product_kill_and_wait(self, patience, first);
}

WRAPPED(prlimit, int, prlimit, (pid_t pid, int resource, const rlimit* wanted, rlimit* found)) {
  // Without its user namespace the tool's limits are not the lease's to set.
  const bool skips = (resource == RLIMIT_NOFILE && leaves_out(Step::open_files)) ||
                     (resource == RLIMIT_FSIZE && leaves_out(Step::file_size)) || leaves_out(Step::user_namespace);
  return wanted != nullptr && skips ? 0 : product_prlimit(pid, resource, wanted, found);
}

WRAPPED(_ZN6cordon10write_fileEiRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESt17basic_string_viewIcS3_E, void,
        write_file, (int at, const std::string& path, std::string_view text)) {
  if (leaves_out(Step::user_namespace) && (path == "uid_map" || path == "gid_map")) return;
  if (leaves_out(Step::oom_score) && path == "oom_score_adj") return;
  product_write_file(at, path, text);
}

// Namespaces. One that is the host's is looked at and not touched.

WRAPPED(_ZN6cordon11clone_childEmi, Child, clone_child, (std::uint64_t flags, int cgroup)) {
  flags = without<std::uint64_t>(Step::pid_namespace, flags, CLONE_NEWPID);
  flags = without<std::uint64_t>(Step::net_namespace, flags, CLONE_NEWNET);
  flags = without<std::uint64_t>(Step::ipc_namespace, flags, CLONE_NEWIPC);
  flags = without<std::uint64_t>(Step::uts_namespace, flags, CLONE_NEWUTS);
  return product_clone_child(flags, cgroup);
}

WRAPPED(unshare, int, unshare, (int flags)) {
  const bool skips = flags == CLONE_NEWCGROUP && leaves_out(Step::cgroup_namespace);
  return skips ? 0 : product_unshare(flags);
}

WRAPPED(sethostname, int, sethostname, (const char* name, std::size_t size)) {
  return leaves_out(Step::uts_namespace) ? 0 : product_sethostname(name, size);
}

WRAPPED(ioctl, int, ioctl, (int fd, unsigned long command, void* argument)) {
  const bool skips = command == SIOCSIFFLAGS && leaves_out(Step::net_namespace);
  return skips ? 0 : product_ioctl(fd, command, argument);
}

// Mounts.

namespace {
std::string type_in_the_making;
}

WRAPPED(fsopen, int, fsopen, (const char* type, unsigned flags)) {
  type_in_the_making = type;
  return product_fsopen(type, flags);
}

WRAPPED(fsconfig, int, fsconfig, (int fd, unsigned command, const char* key, const void* value, int extra)) {
  const std::string_view option = key == nullptr ? "" : key;
  const bool skips = (option == "subset" && leaves_out(Step::proc_subset)) ||
                     (option == "size" && leaves_out(Step::scratch_bytes)) ||
                     (option == "nr_inodes" && leaves_out(Step::scratch_inodes));
  return skips ? 0 : product_fsconfig(fd, command, key, value, extra);
}

WRAPPED(fsmount, int, fsmount, (int fd, unsigned flags, unsigned attributes)) {
  attributes = without<unsigned>(Step::nosuid, attributes, MOUNT_ATTR_NOSUID);
  attributes = without<unsigned>(Step::nodev, attributes, MOUNT_ATTR_NODEV);
  if (type_in_the_making == "overlay") attributes = without<unsigned>(Step::read_only, attributes, MOUNT_ATTR_RDONLY);
  if (type_in_the_making == "proc") attributes = without<unsigned>(Step::proc_read_only, attributes, MOUNT_ATTR_RDONLY);
  return product_fsmount(fd, flags, attributes);
}

WRAPPED(mount_setattr, int, mount_setattr,
        (int at, const char* path, unsigned flags, struct mount_attr* attributes, std::size_t size)) {
  const bool skips = std::string_view(path) == "dev" && leaves_out(Step::fresh_dev);
  return skips ? 0 : product_mount_setattr(at, path, flags, attributes, size);
}

WRAPPED(_ZN6cordon6attachERKNS_2FdERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE, void, attach,
        (const Fd& mount, const std::string& path)) {
  if (path == "dev" && leaves_out(Step::fresh_dev)) return;
  product_attach(mount, path);
}

WRAPPED(_ZN6cordon10clone_treeEiRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE, Fd, clone_tree,
        (int at, const std::string& path)) {
  if (path == "shm" && leaves_out(Step::own_shm)) return std::move(host_shm);
  return product_clone_tree(at, path);
}

namespace {

// The image itself in the place of a job's own view of it.
void attach_shared_image(const Images& images, const std::string& name, bool is_writable) {
  const auto shared = clone_tree(AT_FDCWD, "/" + images.parts(name).front().layers.back());
  struct mount_attr writable {};
  writable.attr_clr = is_writable ? MOUNT_ATTR_RDONLY : 0;
  check(::mount_setattr(shared.get(), "", AT_EMPTY_PATH, &writable, sizeof writable), "make writable");
  attach(shared, Images::place_for_root());
}

}  // namespace

WRAPPED(_ZN6cordon12attach_imageERKNS_6ImagesERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE, void,
        attach_image, (const Images& images, const std::string& name)) {
  if (leaves_out(Step::image_view)) return attach_shared_image(images, name, leaves_out(Step::read_only));
  product_attach_image(images, name);
}

WRAPPED(_ZN6cordon21attach_writable_imageERKNS_6ImagesERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEj, void,
        attach_writable_image, (const Images& images, const std::string& name, std::uint32_t owner)) {
  if (leaves_out(Step::image_view)) return attach_shared_image(images, name, true);
  product_attach_writable_image(images, name, owner);
}

// As if a part of the host's tree had been copied too.
WRAPPED(_ZNK6cordon6Images10enter_copyEv, void, enter_copy, (const Images* self)) {
  product_enter_copy(self);
  if (!leaves_out(Step::small_namespace)) return;
  ::mkdir("/var", 0755);
  attach(host_var, "/var");
}

WRAPPED(umount2, int, umount2, (const char* target, int flags)) {
  const bool skips = std::string_view(target) == "." && leaves_out(Step::old_root);
  return skips ? 0 : product_umount2(target, flags);
}

// The last step before "go".

WRAPPED(_ZN6cordon11expect_openERKNS_5LatchEm, void, expect_open, (const Latch& latch, std::uint64_t generation)) {
  if (!leaves_out(Step::latch)) product_expect_open(latch, generation);
}

// Starting init.

WRAPPED(_ZN6cordon14sealed_programEPKcSt17basic_string_viewIcSt11char_traitsIcEE, Fd, sealed_program,
        (const char* name, std::string_view bytes)) {
  if (!leaves_out(Step::sealed_program)) return product_sealed_program(name, bytes);
  Fd program(check(::memfd_create(name, MFD_CLOEXEC), "create a memfd"));
  check(::write(program.get(), bytes.data(), bytes.size()), "write a memfd");
  check(::fchmod(program.get(), 0777), "open a memfd to all");
  return program;
}

WRAPPED(syscall, long, syscall, (long number, long a, long b, long c, long d, long e, long f)) {
  if (number == SYS_execveat && leaves_out(Step::environment_of_init)) d = reinterpret_cast<long>(environ);
  open_how follow{};
  if (number == SYS_openat2 && leaves_out(Step::collector_links)) {
    follow = *reinterpret_cast<const open_how*>(c);
    const bool is_the_collectors = (follow.flags & O_NONBLOCK) != 0;
    if (is_the_collectors) follow.flags &= ~static_cast<unsigned>(O_NOFOLLOW), follow.resolve = 0;
    c = reinterpret_cast<long>(&follow);
  }
  return product_syscall(number, a, b, c, d, e, f);
}

// The collector, which alone in the launcher calls these.

WRAPPED(fstatat, int, fstatat, (int at, const char* path, struct stat* found, int flags)) {
  return product_fstatat(at, path, found, without(Step::collector_links, flags, AT_SYMLINK_NOFOLLOW));
}

WRAPPED(setgroups, int, setgroups, (std::size_t count, const gid_t* groups)) {
  return leaves_out(Step::collector_rights) ? 0 : product_setgroups(count, groups);
}

WRAPPED(setresgid, int, setresgid, (gid_t real, gid_t effective, gid_t saved)) {
  return leaves_out(Step::collector_rights) ? 0 : product_setresgid(real, effective, saved);
}

static uid_t never_become = 0;  // what the collector then believes to be

WRAPPED(setresuid, int, setresuid, (uid_t real, uid_t effective, uid_t saved)) {
  never_become = real;
  return leaves_out(Step::collector_rights) ? 0 : product_setresuid(real, effective, saved);
}

WRAPPED(getresuid, int, getresuid, (uid_t * real, uid_t* effective, uid_t* saved)) {
  if (!leaves_out(Step::collector_rights)) return product_getresuid(real, effective, saved);
  *real = *effective = *saved = never_become;
  return 0;
}

WRAPPED(getresgid, int, getresgid, (gid_t * real, gid_t* effective, gid_t* saved)) {
  if (!leaves_out(Step::collector_rights)) return product_getresgid(real, effective, saved);
  *real = *effective = *saved = never_become;
  return 0;
}

WRAPPED(getgroups, int, getgroups, (int size, gid_t* groups)) {
  return leaves_out(Step::collector_rights) ? 0 : product_getgroups(size, groups);
}

}  // namespace cordon::bite
