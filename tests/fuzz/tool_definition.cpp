// A tool's definition, NUL, and an input for it.
#include "profiles/strict_json.hpp"
#include "profiles/tool.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon;
using fuzz::must;

namespace {

void check_tool(const Tool& tool) {
  must(!tool.version.empty() && !tool.owner.empty() && !tool.why.empty(), "somebody answers for a tool, and says why");
  must(tool.input.has_value(), "a tool says what it takes");
  must(!tool.argv.empty() && tool.argv[0].size() == 1, "a tool has a program");
  must(std::holds_alternative<std::string>(tool.argv[0][0]), "no input chooses the program");
  must(tool.files_under.find("..") == std::string::npos || !tool.files_under.starts_with("."), "files stay inside");
}

void check_call(const Tool& tool, const Json& input) {
  if (!tool.input->check(input).empty()) return;
  const auto argv = substitute(tool.argv, input);
  if (!argv) return must(!argv.error().empty(), "a refusal has a reason");
  must(!argv->empty() && (*argv)[0] == std::get<std::string>(tool.argv[0][0]), "the program is the definition's");
  for (const auto& argument : *argv) must(argument.find('\0') == std::string::npos, "an argument has no NUL");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto all = fuzz::text_of(data, size);
  const auto end = all.find('\0');
  const auto tool = parse_tool("x", all.substr(0, end));
  if (!tool) {
    must(!tool.error().empty(), "a refusal has a reason");
    return 0;
  }
  check_tool(*tool);
  const auto input = parse_strict_json(end == all.npos ? std::string_view{} : all.substr(end + 1));
  if (input) check_call(*tool, *input);
  return 0;
}
