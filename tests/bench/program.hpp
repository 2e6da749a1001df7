// A program of the machine, run outside of Cordon: as it is, or as the command line of another sandbox.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace cordon::bench {

using Words = std::vector<std::string>;

struct Program {
  Words argv;          // argv[0] is a path
  std::string errors;  // the file that its standard error is written to; what it prints goes nowhere
  std::string rules;   // a file that it finds open as descriptor `rules_number`; empty: none
  static constexpr int rules_number = 9;
};

// posix_spawn(3), with an environment of its own. `input` and `output` are its descriptors 0 and 1; -1: /dev/null.
// Throws std::runtime_error.
pid_t begin(const Program& program, int input = -1, int output = -1);
// Waits for its end. Throws std::runtime_error, with what it wrote last, when it does not exit with 0.
void await(const Program& program, pid_t pid);
void run(const Program& program);
std::string output_of(const Program& program);

// The program itself, without a sandbox. argv[0] is a name in /usr/bin, as in a job.
Program bare(Words argv);

}  // namespace cordon::bench
