// A glob, NUL, and a path: what the collector's component-wise matching says, a plain recursion over both says, too.
#include "sandbox/launcher/glob.hpp"

#include <fnmatch.h>

#include <sstream>

#include "tests/fuzz/property.hpp"

using namespace cordon;
using fuzz::must;

namespace {

constexpr std::size_t max_components = 12;  // the plain way is exponential
using Components = std::vector<std::string>;

Components components_of(std::string_view text) {
  Components parts;
  std::istringstream in{std::string(text)};
  for (std::string part; std::getline(in, part, '/');) parts.push_back(part);
  return parts;
}

bool plainly_matches(const Components& glob, std::size_t g, const Components& path, std::size_t p) {
  if (g == glob.size()) return p == path.size();
  if (p == path.size()) return false;
  if (glob[g] != "**")
    return ::fnmatch(glob[g].c_str(), path[p].c_str(), FNM_PERIOD) == 0 && plainly_matches(glob, g + 1, path, p + 1);
  const bool is_last = g + 1 == glob.size();
  const bool ends_here = is_last && p + 1 == path.size() && path[p][0] != '.';
  return ends_here || (!is_last && plainly_matches(glob, g + 1, path, p)) ||
         (path[p][0] != '.' && plainly_matches(glob, g, path, p + 1));
}

bool matches(const std::string& glob, const Components& path) {
  auto step = GlobState::Step{false, GlobState({glob})};
  for (const auto& component : path) step = step.below.enter(component);
  return step.matched;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  const auto end = bytes.find('\0');
  if (end == bytes.npos) return 0;
  const std::string glob(bytes.substr(0, end));
  const auto parts = components_of(glob), path = components_of(bytes.substr(end + 1));
  if (parts.empty() || path.empty() || parts.size() > max_components || path.size() > max_components) return 0;
  for (const auto& part : parts)
    if (part.empty()) return 0;  // no such glob is taken from a client (is_workspace_path)
  for (const auto& component : path)
    if (component.empty() || component.find('\0') != component.npos) return 0;  // nor given by a file system
  must(matches(glob, path) == plainly_matches(parts, 0, path, 0), "both ways to match say the same");
  return 0;
}
