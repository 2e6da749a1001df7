// Warm sandboxes, for tests: an instance that has some, how many wait, and jobs that certainly took one.
#pragma once

#include <set>

#include "tests/promises/instance.hpp"

namespace cordon::test {

inline constexpr std::size_t warm_min = 2, warm_max = 4;

// Of the default profile, on the host's image.
Json with_warm_sandboxes();

// Beside these some in which the interpreter `name` waits.
Json with_prestarted(const std::string& name = "python");

// That are ready, as cordond says, with this interpreter in them; "": with none.
std::size_t waiting(const Instance& cordon, const std::string& prestart = "");
bool await_waiting(const Instance& cordon, std::size_t count = warm_min, const std::string& prestart = "");

// A sample of the metrics, its labels as they are written; 0: it is not there.
double sample(const Instance& cordon, const std::string& name_and_labels);

// The finished job, of which its report says that it took one that was ready. `number`: as which agent; 0 is root.
Json run_warm(const Instance& cordon, Json job, unsigned number = 0);
// Likewise, begun and not waited for: its id.
std::string submit_warm(const Instance& cordon, Json job, unsigned number = 0);
// Likewise, one in which this interpreter waited.
Json run_prestarted(const Instance& cordon, Json job, const std::string& prestart = "python");
std::string submit_prestarted(const Instance& cordon, Json job, const std::string& prestart = "python");
// Of an instance that has none.
Json run_cold(const Instance& cordon, Json job);

// What was enforced, with each id of that sandbox replaced by what it is an id of.
Json without_ids(const Json& enforced);
std::set<std::string> keys_of(const Json& object);

// The per-sandbox launchers, of jobs and of those that wait, and each sandbox's pid 1.
std::set<pid_t> sandbox_launchers(Instance& cordon);
std::set<pid_t> first_processes(Instance& cordon);

}  // namespace cordon::test
