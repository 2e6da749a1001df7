// A small program of tests/prestart/programs: what an interpreter is asked to run.
//
// python/NAME.py, or python/NAME/main.py with the files that lie beside it; likewise node/. Comments in it say more:
//   cordon: only command | only file     it is run as `python3 -c`, as `python3 main.py`, or as both; node as a file
//   cordon: arguments A B C              behind the code or the file
//   cordon: command python3 A B C        exactly this instead
//   cordon: stdin TEXT                   with \n
//   cordon: env NAME=VALUE               one more variable
//   cordon: cwd DIRECTORY
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sandbox/payload.hpp"

namespace cordon::prestart {

struct Program {
  std::string name;  // and how it is run
  std::vector<std::string> argv;
  std::vector<std::string> env;  // besides the profile's
  std::string cwd = ".";
  std::string input;
  std::vector<std::pair<std::string, std::string>> files;  // path, content
  std::chrono::seconds time{20};                           // that a run of it may take
};

struct Dialect {
  std::string folder, command, file;
  bool has_code_option;
};
inline const Dialect python{"python", "python3", "main.py", true};
inline const Dialect node{"node", "node", "main.js", false};

// Those whose name has CORDON_TEST_PROGRAM in it.
std::vector<Program> load_programs(const Dialect& dialect);

}  // namespace cordon::prestart
