// What each actor may have read so far, by the task of its grants: whoever has read a poisoned document may say what it
// says, in words of their own. So what an actor asks for carries the labels of all that it was given before. Pure.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "supervisor/authority/provenance.hpp"

namespace cordon {

class Contexts {
 public:
  using Key = std::pair<std::string, std::string>;  // actor, task; task "": without a grant that names one

  Provenance of(const std::string& actor, const std::string& task) const {
    const auto at = all_.find({actor, task});
    return at == all_.end() ? Provenance{} : at->second;
  }
  // False: it is no news.
  bool join(const std::string& actor, const std::string& task, const Provenance& data) {
    if (data == Provenance{}) return false;
    auto& known = all_[{actor, task}];
    const auto before = known;
    known.join(data);
    return known != before;
  }
  bool clear(const std::string& actor, const std::string& task) { return all_.erase({actor, task}) > 0; }
  const std::map<Key, Provenance>& all() const { return all_; }

 private:
  std::map<Key, Provenance> all_;
};

}  // namespace cordon
