// The root file systems that jobs may have: their layers, prepared once in the launcher's own mount namespace. Each
// sandbox stacks them for itself (image_view.hpp), in a copy of a second namespace in which there is nothing else, so
// that copying it and leaving it cost little. Nothing of this is visible on the host, and all of it ends with the
// launcher. Runs in: launcher, as root.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "profiles/config.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {

// One overlay of an image: where it goes in the root ("" is the root itself), and its layers, the topmost first, as
// paths below the stage. The first layer is Cordon's own: its plain directories hide whatever an image has in their
// place, links too.
struct ImagePart {
  std::string at;
  std::vector<std::string> layers;
};
using ImageParts = std::vector<ImagePart>;

class Images {
 public:
  // Enters a mount namespace of its own and attaches every layer below `stage`, an existing directory.
  Images(std::string stage, const std::map<std::string, ImageConfig>& images);

  void remove();  // unmounts everything and removes the stage

  bool has(const std::string& name) const { return parts_.contains(name); }
  const std::vector<std::string>& names() const { return names_; }
  const ImageParts& parts(const std::string& name) const { return parts_.at(name); }
  // The view of an image in which names can be looked up: it has a resolv.conf, and the host's certificate authorities
  // if it is a view of the host. No name of an image has a '+'.
  static std::string with_names(const std::string& image) { return image + "+names"; }
  // Puts this process into a copy of the namespace where the stage is the root. What follows are names there.
  void enter_copy() const;
  static std::string place_for_root() { return "/new_root"; }    // empty mount points for one sandbox's
  static std::string place_for_scratch() { return "/scratch"; }  // own copy

 private:
  std::string stage_;
  Fd template_;  // the namespace of mounts that is copied
  std::vector<std::string> names_;
  std::map<std::string, ImageParts> parts_;
};

}  // namespace cordon
