#include "tests/prestart/program.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace cordon::prestart {

namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string unescape(std::string text) {
  for (std::size_t at = 0; (at = text.find("\\n", at)) != std::string::npos; ++at) text.replace(at, 2, "\n");
  return text;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

struct Wishes {
  std::string only;
  std::vector<std::string> arguments, command;
};

void read_wish(const std::string& line, Program& program, Wishes& wishes) {
  static const std::string mark = "cordon: ";
  const auto at = line.find(mark);
  if (at == std::string::npos) return;
  const auto wish = line.substr(at + mark.size());
  const auto blank = wish.find(' ');
  const auto key = wish.substr(0, blank), value = wish.substr(blank + 1);
  if (key == "only") wishes.only = value;
  if (key == "arguments") wishes.arguments = words(value);
  if (key == "command") wishes.command = words(value);
  if (key == "stdin") program.input = unescape(value);
  if (key == "env") program.env.push_back(value);
  if (key == "cwd") program.cwd = value;
}

void add_files(const fs::path& directory, Program& program) {
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file())
      program.files.emplace_back(entry.path().lexically_relative(directory), read_all(entry.path()));
  std::sort(program.files.begin(), program.files.end());
}

Program run_as(Program program, const std::string& how, std::vector<std::string> argv,
               const std::vector<std::string>& more) {
  program.name += how;
  program.argv = std::move(argv);
  program.argv.insert(program.argv.end(), more.begin(), more.end());
  return program;
}

void add_program(const fs::path& path, const Dialect& dialect, std::vector<Program>& programs) {
  Program program;
  Wishes wishes;
  program.name = path.stem();
  const auto code = read_all(fs::is_directory(path) ? path / dialect.file : path);
  std::istringstream lines(code);
  for (std::string line; std::getline(lines, line);) read_wish(line, program, wishes);
  if (fs::is_directory(path))
    add_files(path, program);
  else
    program.files.emplace_back(dialect.file, code);
  if (!wishes.command.empty()) return programs.push_back(run_as(program, "", wishes.command, {}));
  if (wishes.only != "file" && dialect.has_code_option)
    programs.push_back(run_as(program, " by -c", {dialect.command, "-c", code}, wishes.arguments));
  if (wishes.only != "command")
    programs.push_back(run_as(program, " as a file", {dialect.command, dialect.file}, wishes.arguments));
}

bool is_unwanted(const Program& program) {
  const char* const only = std::getenv("CORDON_TEST_PROGRAM");
  return only != nullptr && program.name.find(only) == std::string::npos;
}

}  // namespace

std::vector<Program> load_programs(const Dialect& dialect) {
  std::vector<Program> programs;
  for (const auto& entry : fs::directory_iterator(CORDON_PROGRAMS "/" + dialect.folder))
    add_program(entry.path(), dialect, programs);
  programs.erase(std::remove_if(programs.begin(), programs.end(), is_unwanted), programs.end());
  std::sort(programs.begin(), programs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return programs;
}

}  // namespace cordon::prestart
