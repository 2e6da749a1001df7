// What a kind of job may do, as an administrator wrote it down, with the reasons. Pure: text in, value out.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/egress_grant.hpp"
#include "profiles/field_error.hpp"
#include "profiles/limits.hpp"
#include "profiles/seccomp_policy.hpp"
#include "profiles/sha256.hpp"

namespace cordon {

// How "language" + "code" becomes files and argv.
struct Language {
  std::string file;               // where the code goes, relative to /work
  std::vector<std::string> argv;  // what runs it
  std::string needs;              // absolute path that the image must have
};

// An interpreter that may be started in a waiting sandbox, before there is a job for it (sandbox/prestart).
struct Prestart {
  std::vector<std::string> imports;  // python's: what it has imported by then
  bool operator==(const Prestart&) const = default;
};
using Prestarts = std::map<std::string, Prestart>;  // by prestart_names
inline constexpr std::array<std::string_view, 2> prestart_names{"python", "node"};

struct CollectBounds {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

struct Profile {
  std::string name;
  std::string why;
  Sha256 digest{};  // over the profile's and the seccomp file's bytes, each with its length before it (u64 LE)
  Limits ceiling;   // "limits"
  Limits defaults;  // "defaults": what a job gets that asks for nothing; never above the ceiling
  std::map<std::string, std::string> env;  // the environment before the job's own
  std::map<std::string, Language> languages;
  Prestarts prestart;
  EgressGrants egress;  // none: no network
  CollectBounds collect;
  bool root_inside = false;            // the tool is uid 0 of its user namespace, and the image is writable for it
  std::uint32_t landlock_min_abi = 0;  // less than this is a refusal; 0: what the kernel has
  SeccompPolicy seccomp;
};

// Reads a file that stands beside the profile ("seccomp": "default.seccomp.json"); nullopt when there is none.
using ReadBeside = std::function<std::optional<std::string>(std::string_view file_name)>;

tl::expected<Profile, FieldErrors> parse_profile(std::string_view name, std::string_view text, const ReadBeside& read);

}  // namespace cordon
