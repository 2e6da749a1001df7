// One call of a tool, as its job carries it: by which definition, with what input; and what became of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "profiles/sha256.hpp"

namespace cordon {

struct LoadedTool;

struct ToolCall {
  std::shared_ptr<const LoadedTool> tool;
  Sha256 digest{};          // of the definition and all that it pins, as they were when the call was made
  std::string input;        // canonical JSON
  Sha256 input_sha256{};    // of the input and the caller's files: what is the same call
  std::string grant;        // the id that came with the call; empty: none
  std::string compensates;  // the job that this call undoes; empty: none
  bool health = false;      // not a call: the tool's own check
  std::size_t files = 0;    // files and directories that the sandbox is given
};

// Beside the outcome.
struct CallResult {
  std::optional<std::string> output;    // canonical JSON: what the tool answered, when that is as its definition says
  std::vector<std::string> unexpected;  // what it did that its class does not allow, for people
};

}  // namespace cordon
