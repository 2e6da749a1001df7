#include "sandbox/launcher/glob.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace cordon {

namespace {

constexpr const char* any_directories = "**";

// Two "**" in a row say no more than one. As the last component it means every file below.
std::vector<std::string> components(const std::string& glob) {
  std::vector<std::string> parts;
  std::istringstream in(glob);
  for (std::string part; std::getline(in, part, '/');)
    if (part != any_directories || parts.empty() || parts.back() != any_directories) parts.push_back(part);
  if (!parts.empty() && parts.back() == any_directories) parts.emplace_back("*");
  return parts;
}

}  // namespace

// Which texts of the table match one name, each found out when first asked for.
class GlobState::Matches {
 public:
  Matches(const Table& table, const std::string& name) : table_(table), name_(name), known_(table.texts.size()) {}

  bool at(const Place& place) {
    const auto text = table_.globs[place.glob][place.component];
    auto& known = known_[text];
    if (known == Known::nothing)
      known = ::fnmatch(table_.texts[text].c_str(), name_.c_str(), FNM_PERIOD) == 0 ? Known::yes : Known::no;
    return known == Known::yes;
  }

 private:
  enum class Known : std::uint8_t { nothing, yes, no };
  const Table& table_;
  const std::string& name_;
  std::vector<Known> known_;
};

GlobState::GlobState(const std::vector<std::string>& globs) {
  Table table;
  std::map<std::string, std::uint32_t> indices;
  for (const auto& glob : globs) {
    auto& indexed = table.globs.emplace_back();
    for (auto& part : components(glob)) {
      const auto [at, is_new] = indices.emplace(part, static_cast<std::uint32_t>(table.texts.size()));
      if (is_new) table.texts.push_back(std::move(part));
      indexed.push_back(at->second);
    }
  }
  table_ = std::make_shared<const Table>(std::move(table));
  for (std::uint32_t glob = 0; glob < table_->globs.size(); ++glob)
    if (!table_->globs[glob].empty()) add({glob, 0});
}

// "**" may also stand for no directory at all.
void GlobState::add(Place place) {
  left_.push_back(place);
  if (text(place) == any_directories) left_.push_back({place.glob, place.component + 1});
}

GlobState::Step GlobState::enter(const std::string& name) const {
  Step step{false, GlobState(table_)};
  Matches matches(*table_, name);
  for (const auto& place : left_) {
    if (text(place) == any_directories) {
      if (name[0] != '.') step.below.add(place);
    } else if (matches.at(place)) {
      if (is_last(place))
        step.matched = true;
      else
        step.below.add({place.glob, place.component + 1});
    }
  }
  auto& below = step.below.left_;
  std::sort(below.begin(), below.end());
  below.erase(std::unique(below.begin(), below.end()), below.end());
  return step;
}

bool GlobState::asks_for_file(const std::string& name) const {
  Matches matches(*table_, name);
  return std::any_of(left_.begin(), left_.end(),
                     [&](const Place& place) { return is_last(place) && matches.at(place); });
}

bool GlobState::asks_for_directory(const std::string& name) const {
  Matches matches(*table_, name);
  return std::any_of(left_.begin(), left_.end(), [&](const Place& place) {
    return text(place) == any_directories ? name[0] != '.' : matches.at(place);
  });
}

}  // namespace cordon
