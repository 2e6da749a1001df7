// Tool definitions as they lie on disk: only what nobody but root can have written is taken.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/config.hpp"
#include "profiles/profile.hpp"
#include "profiles/tool.hpp"

namespace cordon {

struct LoadedTool {
  Tool tool;
  std::string directory;  // where its definition is, and its script
  ImageConfig image;
  Limits limits;        // the most that a call gets: the profile's, lowered by the definition's
  EgressGrants egress;  // what a call may connect to: the profile's, narrowed by the definition's
};
using LoadedToolPtr = std::shared_ptr<const LoadedTool>;
using LoadedTools = std::map<std::string, LoadedToolPtr>;

struct ToolFault {
  std::string file;
  FieldErrors errors;
};

// Every NAME.json of the directories, the later directory wins by name; a directory that is not there has none. All or
// nothing: a definition that is at fault, names a profile, an image or a tool that is not there, or is not `owner`'s
// (root's) alone to write, is the fault of all.
tl::expected<LoadedTools, ToolFault> load_tools(const Config& config, const std::map<std::string, Profile>& profiles,
                                                uid_t owner);

// The bytes of a file that is `owner`'s alone to write, at most `most` of them; otherwise why not. `path` is looked up
// beneath `root`, never through its symlinks to the outside.
tl::expected<std::string, std::string> read_trusted(const std::string& root, const std::string& path, uid_t owner,
                                                    std::size_t most);

// What tells a file from what stood there before without reading it (inode(7)).
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};
std::optional<FileIdentity> identity_of(const std::string& root, const std::string& path);

}  // namespace cordon
