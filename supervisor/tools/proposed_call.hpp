// A call that somebody asks for, with everything that a decision about it may go by. Nothing of it has happened yet.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "profiles/limits.hpp"
#include "profiles/sha256.hpp"
#include "profiles/strict_json.hpp"
#include "profiles/tool.hpp"
#include "supervisor/identity.hpp"
#include "supervisor/jobs/job_request.hpp"

namespace cordon {

struct ProposedFile {
  std::string path;
  std::uint64_t size = 0;
  Sha256 sha256{};
  std::optional<ArtifactRef> artifact;  // of an earlier job
};

struct ProposedCall {
  std::string tool, version, owner;
  Sha256 tool_sha256{};  // of the definition and all that it pins
  SideEffects side_effects = SideEffects::administrative;
  bool idempotent = false;
  std::vector<std::string> resources, data_classes;

  Json input;
  std::vector<ProposedFile> files;  // the caller's own
  std::vector<std::string> argv;    // as it would be run
  std::string profile, image;
  Sha256 profile_sha256{};
  Limits limits;

  Account account;
  bool by_operator = false;  // through operator.sock
  std::string grant;         // empty: none
  std::string compensates;   // the job that it undoes; empty: none
  bool health = false;
};

}  // namespace cordon
