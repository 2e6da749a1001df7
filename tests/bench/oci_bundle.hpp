// What crun and runc run: a config.json (github.com/opencontainers/runtime-spec) that isolates as Cordon does, with the
// same system-call rules, limits and read-only /usr.
#pragma once

#include <string>

#include "tests/bench/program.hpp"

namespace cordon::bench {

struct OciJob {
  Words argv;           // argv[0] is a path inside
  std::string root;     // the directory that becomes /
  std::string cgroup;   // where its cgroups are made, from the root of each hierarchy
  std::string profile;  // of Cordon, whose rules and limits these are: a path without ".json"
};

// Writes `directory`/config.json.
void write_bundle(const std::string& directory, const OciJob& job);

}  // namespace cordon::bench
