// From facts to findings. Pure: no system call, so that each judgement is tested with facts of no real host.
#pragma once

#include "cli/doctor/facts.hpp"
#include "cli/doctor/finding.hpp"

namespace cordon::cli::doctor {

Findings judge_kernel(const KernelFacts& kernel, const Config& config);
Findings judge_cgroups(const CgroupFacts& cgroups);
Findings judge_host(const HostFacts& host, const Config& config);
Findings judge_egress(const EgressFacts& egress, const EgressConfig& config);
Findings judge_instance(const InstanceFacts& instance);

}  // namespace cordon::cli::doctor
