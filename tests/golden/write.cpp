// Writes the golden tables anew from the shipped profiles, for a person to review with git diff.
#include <fmt/format.h>

#include <fstream>

#include "sandbox/launcher/filter.hpp"
#include "tests/golden/policies.hpp"

int main() {
  using namespace cordon::test;
  for (const auto& [name, policy] : shipped_policies()) {
    std::ofstream(std::string(CORDON_SOURCE_DIR "/") + golden_file(name))
        << to_text(name, golden_rows(cordon::compile_filter(policy).bpf));
    fmt::print("{}\n", golden_file(name));
  }
  return 0;
}
