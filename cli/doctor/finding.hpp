// One row of `cordon doctor`: what Cordon needs of this host, whether it is there, why it matters, what mends it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cordon::cli::doctor {

// not_tested is no good news: nobody has looked, and `detail` says why not.
enum class Verdict { found, missing, not_tested };
enum class Weight { needed, useful };  // without what is needed jobs are refused, or are not what they promise

struct Finding {
  std::string name;  // "kernel.seccomp"
  Verdict verdict = Verdict::not_tested;
  Weight weight = Weight::needed;
  std::string detail;  // what was seen, or why it could not be looked at
  std::string why;
  std::string remedy;  // the command that mends it; also where nothing is to be mended
};
using Findings = std::vector<Finding>;

// As monitoring plug-ins have it: 0 all found; 1 something useful is missing; 2 something needed is missing; 3 nothing
// needed is missing, but some of it was not tested.
int exit_code_of(const Findings& findings);
std::string text_of(const Findings& findings);
nlohmann::ordered_json json_of(const Findings& findings);

}  // namespace cordon::cli::doctor
