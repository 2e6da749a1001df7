// The interpreter of seccomp programs: 64 bytes of a call, then a program. It ends, and stays within both.
#include <cstring>
#include <exception>
#include <optional>
#include <string>

#include "tests/fuzz/property.hpp"
#include "tests/unit/bpf_interpreter.hpp"

using namespace cordon;
using fuzz::must;

namespace {

constexpr std::size_t call_bytes = 64;

std::optional<std::uint32_t> verdict_of(std::string_view program, const test::Call& call) {
  try {
    return test::verdict(program, call);
  } catch (const std::exception&) {
    return std::nullopt;  // not a program that the kernel would load
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < call_bytes) return 0;
  test::Call call;
  std::memcpy(&call.number, data, sizeof call.number);
  std::memcpy(&call.arch, data + 8, sizeof call.arch);
  std::memcpy(call.args.data(), data + 16, sizeof call.args);
  const std::string program(fuzz::text_of(data + call_bytes, size - call_bytes));  // on the heap, for ASan
  must(verdict_of(program, call) == verdict_of(program, call), "one call gets one verdict");
  return 0;
}
