// `cordon doctor`: what Cordon needs, whether it is there, and what mends it.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/doctor/judge.hpp"
#include "cli/doctor/look.hpp"

namespace cordon::cli {

int examine(const Session& session, const DoctorOptions& options) {
  using namespace doctor;
  const Places places{options.config_file, options.state_dir, session.runtime_dir == Session{}.runtime_dir};
  const auto instance = look_at_instance(session, places, options.canary);
  const auto config = instance.config.value_or(Config{});
  Findings findings;
  for (auto&& part : {judge_kernel(look_at_kernel(), config), judge_cgroups(look_at_cgroups(session)),
                      judge_host(look_at_host(places), config), judge_instance(instance)})
    findings.insert(findings.end(), part.begin(), part.end());
  fmt::print("{}", session.json ? json_of(findings).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                                : text_of(findings));
  return exit_code_of(findings);
}

}  // namespace cordon::cli
