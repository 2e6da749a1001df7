// The root file systems that jobs may have, prepared once as read-only mount trees in the launcher's own mount
// namespace; each sandbox gets a clone. Nothing of this is visible on the host, and all of it ends with the launcher.
// Runs in: launcher, as root.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "profiles/config.hpp"

namespace cordon {

class Images {
 public:
  // Enters a mount namespace of its own and builds every image below `stage`, an existing directory.
  Images(std::string stage, const std::map<std::string, ImageConfig>& images);

  void remove();  // unmounts everything and removes the stage

  bool has(const std::string& name) const;
  const std::vector<std::string>& names() const { return names_; }
  std::string root(const std::string& name) const { return stage_ + "/root/" + name; }
  // A mount of the image for one sandbox alone: its inodes are nobody else's, so that a lock or a watch on a file of
  // the image tells no other job anything. The pages behind them are shared.
  void attach_view(const std::string& name) const;                       // at place_for_root()
  std::string place_for_root() const { return stage_ + "/new_root"; }    // empty mount points for one sandbox's
  std::string place_for_scratch() const { return stage_ + "/scratch"; }  // own copy of the mount namespace

 private:
  std::string stage_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> rootfs_;
};

}  // namespace cordon
