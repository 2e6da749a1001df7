// The latch's second word: root's stop-all, for when cordond hangs, is dead, or is not trusted any more. It is engaged
// while a file "stop-all" stands in the runtime or in the state directory of an instance, where only root can remove
// it; the one in memory is set first, the one on disk survives a restart. The launcher looks for both just before a
// tool is executed; cordond can read the word, and cannot clear it.
// Runs in: launcher, cordond, and `cordon kill --all` as root.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace cordon {

struct StopAllPlaces {
  std::string runtime_dir, state_dir;
};

struct StopAll {
  std::chrono::system_clock::time_point engaged_at;
  std::string by;      // "uid:0"
  std::string reason;  // as root typed it; empty when the file was made by hand
};

// nullopt: it is not engaged. Throws KernelError when that cannot be found out: then it is to be taken for engaged.
std::optional<StopAll> read_stop_all(const StopAllPlaces& places);

// Where an instance has its jobs and its state, as its launcher has written it down for root: RUNTIME/launcher.env.
struct LauncherPlaces {
  std::string jobs_cgroup;  // the directory in the v2 tree below which all its sandboxes are
  std::string state_dir;
};
void write_launcher_file(const std::string& runtime_dir, const LauncherPlaces& places);
// Throws KernelError when there is none, or one that not only root could have written.
LauncherPlaces read_launcher_file(const std::string& runtime_dir);

// What came of it, by the kernel's word.
struct StopReceipt {
  StopAll word;
  std::vector<std::string> killed;     // jobs whose sandbox was alive, and is empty now
  std::vector<std::string> survivors;  // whose sandbox is not
  std::string not_persisted;           // why the word will not survive a reboot; empty: it will
  std::chrono::microseconds latency{0};
};

// Engages the word and kills every sandbox of the instance through its cgroup, without a word to cordond or the
// launcher. Returns when all are empty, or after `patience`. As root. A disk that fails does not keep it from killing.
// Throws KernelError when it cannot be engaged in memory, or the cgroups cannot be found.
StopReceipt stop_everything(const std::string& runtime_dir, const StopAll& word, std::chrono::milliseconds patience);

// Takes the word away, in both places. False: it was not engaged. As root.
bool release_stop_all(const StopAllPlaces& places);

// How a cgroup of the launcher's says whose it is; an extended attribute that only root can read (xattr(7), trusted).
inline constexpr const char* job_attribute = "trusted.cordon.job";

}  // namespace cordon
