// Which tools may be called: those that are as they were approved, and are not switched off. What a definition pins is
// looked at again for every call and every start; a file that has not changed is not read again.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "supervisor/http/problem.hpp"
#include "supervisor/tools/tool_call.hpp"
#include "supervisor/tools/tool_files.hpp"
#include "supervisor/tools/tool_state.hpp"
#include "supervisor/tools/unsettled.hpp"

namespace cordon {

struct ToolStatus {
  enum class Kind : std::uint8_t { ready, drifted, off };
  Kind kind = Kind::ready;
  Sha256 digest{};          // of the definition and all that it pins, as they are now
  FieldErrors drift;        // what is not as pinned; pointers into the definition
  bool is_changed = false;  // from what was approved
};
std::string_view to_string(ToolStatus::Kind kind);

class ToolGate {
 public:
  // Throws KernelError when the file cannot be read or understood: what was switched off is then not known.
  ToolGate(std::string file, uid_t owner);

  // Of tools that are loaded: a new one that is as pinned counts as approved. Returns who has drifted, for people.
  std::vector<std::string> see(const LoadedTools& tools);

  ToolStatus status(const LoadedTool& tool);
  std::optional<Rejection> refusal(const LoadedTool& tool);  // nullopt: it may be called
  const ToolState* state(const std::string& name) const;     // nullptr: never seen as pinned
  std::string script(const LoadedTool& tool);                // as status() has just looked at it; empty: it has none

  // An operator's word. Throws KernelError when it cannot be kept; then nothing has changed.
  void approve(const LoadedTool& tool, const Sha256& digest, const std::string& by, WallTime now);
  void switch_off(const std::string& name, const std::string& by, const std::string& reason, WallTime now);
  void switch_on(const std::string& name);

  Unsettled unsettled;

 private:
  struct Found {
    std::optional<FileIdentity> identity;
    tl::expected<Sha256, std::string> sha256 = Sha256{};
    std::string bytes;  // of a script
  };
  const Found& look(const std::string& root, const std::string& path, bool keep_bytes);
  void replace(ToolStates states);

  std::string file_;
  uid_t owner_;
  ToolStates states_;
  std::map<std::string, Found> found_;  // by root and path
};

// What has changed since a call was taken in, so that it is not started; nullopt: nothing.
std::optional<std::string> why_not_called(ToolGate& gate, const ToolCall& call, const std::string& actor);

}  // namespace cordon
