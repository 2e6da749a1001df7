#include "tests/unit/bpf_interpreter.hpp"

#include <linux/seccomp.h>

#include "sandbox/kernel/bpf.hpp"

namespace cordon::test {

std::uint32_t verdict(std::string_view bpf, const Call& call) {
  seccomp_data data{};
  data.nr = static_cast<int>(call.number);
  data.arch = call.arch;
  for (std::size_t i = 0; i < call.args.size(); ++i) data.args[i] = call.args[i];
  return evaluate(bpf, data).action;
}

}  // namespace cordon::test
