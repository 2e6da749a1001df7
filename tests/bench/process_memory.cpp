#include "tests/bench/process_memory.hpp"

#include <sstream>

#include "tests/promises/process.hpp"

namespace cordon::bench {

double resident_mib(pid_t pid) {
  std::istringstream words(test::read_text("/proc/" + std::to_string(pid) + "/status"));
  for (std::string word; words >> word;) {
    double kib = 0;
    if (word == "VmRSS:" && words >> kib) return kib / 1024;
  }
  return 0;
}

}  // namespace cordon::bench
