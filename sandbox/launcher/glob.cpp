#include "sandbox/launcher/glob.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <sstream>

namespace cordon {

namespace {

std::vector<std::string> components(const std::string& glob) {
  std::vector<std::string> parts;
  std::istringstream in(glob);
  for (std::string part; std::getline(in, part, '/');) parts.push_back(part);
  return parts;
}

}  // namespace

GlobState::GlobState(const std::vector<std::string>& globs) {
  for (const auto& glob : globs) add(components(glob));
}

// "**" may also stand for no directory at all. As the last component it means every file below.
void GlobState::add(std::vector<std::string> rest) {
  if (rest.empty()) return;
  if (rest[0] == "**" && rest.size() == 1) rest.emplace_back("*");
  if (rest[0] == "**") add({rest.begin() + 1, rest.end()});
  if (std::find(left_.begin(), left_.end(), rest) == left_.end()) left_.push_back(std::move(rest));
}

GlobState::Step GlobState::enter(const std::string& name) const {
  Step step{false, GlobState()};
  for (const auto& rest : left_) {
    if (rest[0] == "**") {
      if (name[0] != '.') step.below.add(rest);
      continue;
    }
    if (::fnmatch(rest[0].c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
    if (rest.size() == 1)
      step.matched = true;
    else
      step.below.add({rest.begin() + 1, rest.end()});
  }
  return step;
}

}  // namespace cordon
