// Which files a list of globs asks for, decided one path component at a time, so that only directories that can hold a
// match are opened. Components are matched by fnmatch(3) with FNM_PERIOD; "**" stands for any number of directories.
// Pure.
#pragma once

#include <string>
#include <vector>

namespace cordon {

class GlobState {
 public:
  explicit GlobState(const std::vector<std::string>& globs);

  struct Step;
  Step enter(const std::string& name) const;  // what is left of the globs after one more component
  bool wants_more() const { return !left_.empty(); }

 private:
  GlobState() = default;
  void add(std::vector<std::string> rest);
  std::vector<std::vector<std::string>> left_;  // components still to be matched, none of them empty
};

struct GlobState::Step {
  bool matched = false;  // a glob ends here
  GlobState below;       // for a directory of this name
};

}  // namespace cordon
