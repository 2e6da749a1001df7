// Gathers what a job's globs ask for from its scratch space, and looks over all that is left in it (a survey), after
// everything in the sandbox is dead: in a child with the job's uid, no capabilities, a filter and bounds, which opens
// beneath, regular files only, and hashes and streams. Runs in: a child of the per-sandbox launcher.
#pragma once

#include <chrono>

#include "profiles/profile.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

struct Collection {
  int root;   // of the scratch space
  int globs;  // the memfd with the client's globs: only the child maps it
  int out;    // the artifacts pipe
  bool survey;
  std::uint32_t uid;
  CollectBounds bounds;
  const std::string& filter;
  int lifeline;  // its end ends the collection too
  std::chrono::milliseconds patience;
};

// Blocks until the child has ended, or was killed at the deadline or with the lifeline; false when it was cut short.
bool collect(const Collection& collection);
// What is said on the artifacts pipe instead when there can be no collection, and when there is nothing to look over.
void tell_no_collection(int out, std::string_view why);
void tell_nothing_left(int out);

}  // namespace cordon
