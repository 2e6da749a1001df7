// Which files a list of globs asks for, decided one path component at a time, so that only directories that can hold a
// match are opened. Components are matched by fnmatch(3) with FNM_PERIOD; "**" stands for any number of directories.
// However the globs are made, a component costs no more than their length. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace cordon {

class GlobState {
 public:
  explicit GlobState(const std::vector<std::string>& globs);

  struct Step;
  Step enter(const std::string& name) const;  // what is left of the globs after one more component
  bool asks_for_file(const std::string& name) const;
  bool asks_for_directory(const std::string& name) const;  // or for something in it
  bool wants_more() const { return !left_.empty(); }

 private:
  // The globs as components; a text that many of them have is there once, and matched once with a name.
  struct Table {
    std::vector<std::string> texts;
    std::vector<std::vector<std::uint32_t>> globs;  // indices of texts
  };
  struct Place {
    std::uint32_t glob, component;  // from this component on it is still to be matched
    bool operator==(const Place&) const = default;
    bool operator<(const Place& other) const {
      return glob != other.glob ? glob < other.glob : component < other.component;
    }
  };
  class Matches;

  explicit GlobState(std::shared_ptr<const Table> table) : table_(std::move(table)) {}
  const std::string& text(const Place& place) const {
    return table_->texts[table_->globs[place.glob][place.component]];
  }
  bool is_last(const Place& place) const { return place.component + 1 == table_->globs[place.glob].size(); }
  void add(Place place);

  std::shared_ptr<const Table> table_;
  std::vector<Place> left_;  // in order, each once
};

struct GlobState::Step {
  bool matched = false;  // a glob ends here
  GlobState below;       // for a directory of this name
};

}  // namespace cordon
