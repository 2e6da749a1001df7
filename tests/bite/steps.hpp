// What the test-only launcher and init can leave out of a launch. Names as in CORDON_LEAVE_OUT's file.
#pragma once

#include <cstdint>
#include <string_view>

namespace cordon::bite {

enum class Step : unsigned {
  // What would notice that another is missing.
  read_back,
  self_probe,
  // cordon-launcher's
  narrowing,
  sealed_program,
  environment_of_init,
  pid_namespace,
  net_namespace,
  ipc_namespace,
  uts_namespace,
  cgroup_namespace,
  image_view,
  read_only,
  nosuid,
  nodev,
  fresh_dev,
  own_shm,
  old_root,
  small_namespace,
  proc_subset,
  proc_read_only,
  scratch_bytes,
  scratch_inodes,
  cgroup_join,
  memory_limit,
  pids_limit,
  cpu_limit,
  wall_limit,
  cpu_time_limit,
  open_files,
  oom_score,
  cgroup_kill,
  unique_uid,
  collector_links,
  collector_rights,
  latch,
  // cordon-init's
  user_namespace,  // the launcher then writes no map
  identity,
  init_identity,
  init_filter,
  non_dumpable,
  no_new_privileges,
  bounding_set,
  capability_sets,
  keyring,
  max_namespaces,
  landlock,
  seccomp,
  core_limit,
  file_size,
  close_on_exec,
  environment_of_tool,
  count
};

inline constexpr std::string_view step_names[] = {"read_back",
                                                  "self_probe",
                                                  "narrowing",
                                                  "sealed_program",
                                                  "environment_of_init",
                                                  "pid_namespace",
                                                  "net_namespace",
                                                  "ipc_namespace",
                                                  "uts_namespace",
                                                  "cgroup_namespace",
                                                  "image_view",
                                                  "read_only",
                                                  "nosuid",
                                                  "nodev",
                                                  "fresh_dev",
                                                  "own_shm",
                                                  "old_root",
                                                  "small_namespace",
                                                  "proc_subset",
                                                  "proc_read_only",
                                                  "scratch_bytes",
                                                  "scratch_inodes",
                                                  "cgroup_join",
                                                  "memory_limit",
                                                  "pids_limit",
                                                  "cpu_limit",
                                                  "wall_limit",
                                                  "cpu_time_limit",
                                                  "open_files",
                                                  "oom_score",
                                                  "cgroup_kill",
                                                  "unique_uid",
                                                  "collector_links",
                                                  "collector_rights",
                                                  "latch",
                                                  "user_namespace",
                                                  "identity",
                                                  "init_identity",
                                                  "init_filter",
                                                  "non_dumpable",
                                                  "no_new_privileges",
                                                  "bounding_set",
                                                  "capability_sets",
                                                  "keyring",
                                                  "max_namespaces",
                                                  "landlock",
                                                  "seccomp",
                                                  "core_limit",
                                                  "file_size",
                                                  "close_on_exec",
                                                  "environment_of_tool"};
static_assert(std::size(step_names) == static_cast<unsigned>(Step::count));

constexpr std::uint64_t bit(Step step) {
  return std::uint64_t{1} << static_cast<unsigned>(step);
}
static_assert(static_cast<unsigned>(Step::count) <= 64);

// How the launcher tells init: a resource limit that no kernel has, whose value is the set of steps.
inline constexpr std::int32_t resource_of_steps = 1000;

}  // namespace cordon::bite

// `WRAPPED(symbol, result, name, parameters) { … }` stands in the place of the product's function of that (mangled)
// name wherever another object calls it; product_name is the product's own. CMakeLists.txt collects the symbols from
// these lines (ld(1), --wrap).
#define WRAPPED(symbol, result, name, parameters)              \
  result product_##name parameters __asm__("__real_" #symbol); \
  result wrapped_##name parameters __asm__("__wrap_" #symbol); \
  result wrapped_##name parameters
