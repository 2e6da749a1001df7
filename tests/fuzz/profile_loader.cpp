// A profile file, NUL, and the seccomp file beside it; the former also as an instance's configuration.
#include "profiles/config.hpp"
#include "profiles/egress_grant_json.hpp"
#include "profiles/egress_narrow.hpp"
#include "profiles/profile.hpp"
#include "profiles/strict_json.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon;
using fuzz::must;

namespace {

void check_profile(const Profile& profile) {
  for (const auto& field : limit_fields) {
    must(profile.ceiling.*field.member <= field.max, "a ceiling is at most what any profile may offer");
    must(profile.defaults.*field.member <= profile.ceiling.*field.member, "a default is at most the ceiling");
    must(profile.defaults.*field.member >= field.min, "a default is at least the minimum");
  }
  must(scratch_fits(profile.defaults), "scratch fits into memory");
  must(!profile.why.empty(), "a profile has a reason");
  must(is_within(profile.egress, profile.egress), "what is granted may be asked for");
  for (const auto& [name, language] : profile.languages) {
    must(language.file.find('/') == std::string::npos, "code goes into /work itself");
    must(!language.argv.empty() && !language.argv[0].empty(), "a language has a program");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto all = fuzz::text_of(data, size);
  const auto end = all.find('\0');
  const auto text = all.substr(0, end);
  const auto beside = end == all.npos ? std::string_view{} : all.substr(end + 1);
  const auto read = [&](std::string_view) { return std::optional(std::string(beside)); };
  const auto profile = parse_profile("x", text, read);
  if (profile) {
    check_profile(*profile);
    auto again = *parse_strict_json(text, Comments::accept);
    again["egress"] = to_json(profile->egress);
    const auto same = parse_profile("x", again.dump(), read);
    must(same && same->egress == profile->egress, "grants that were read are the same when written and read again");
  } else {
    must(!profile.error().empty(), "a refusal has a reason");
  }
  if (const auto config = parse_config(text)) must(config->images.contains("host"), "there is always an image");
  return 0;
}
