// What operators have decided about each tool, and the file that keeps it over restarts (STATE/daemon/tools.json).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "profiles/sha256.hpp"
#include "supervisor/text/timestamp.hpp"

namespace cordon {

struct ToolApproval {
  Sha256 digest{};  // of the definition and all that it pins
  std::string by;   // an actor; "cordond": it was as pinned when it was first seen
  WallTime at;
};
struct SwitchedOff {
  std::string by, reason;
  WallTime at;
};
struct ToolState {
  ToolApproval approval;
  std::optional<SwitchedOff> off;
};
using ToolStates = std::map<std::string, ToolState>;

std::string tool_states_text(const ToolStates& states);
ToolStates parse_tool_states(std::string_view text);  // throws KernelError with the place
// One that is not there is empty. Throws KernelError.
ToolStates load_tool_states(const std::string& path);
void save_tool_states(const std::string& path, const ToolStates& states);

}  // namespace cordon
