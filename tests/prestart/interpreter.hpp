// Starts an interpreter in an empty directory: for a program, or held before any of it is known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "sandbox/prestart/prestart.hpp"
#include "tests/prestart/bounds.hpp"
#include "tests/prestart/ended.hpp"
#include "tests/prestart/program.hpp"

namespace cordon::prestart {

// An empty directory, the same one for every run, since programs print where they are.
class Workspace {
 public:
  Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();
  const std::string& path() const { return path_; }
  void empty() const;

 private:
  std::string path_;
};

struct Image {
  std::string executable, library;
  std::vector<std::string> held_argv;  // what it is started with
  std::vector<std::string> env{"PATH=/usr/bin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8", "TMPDIR=/tmp"};
};

Image python_image();  // CORDON_TEST_PYTHON names the directory of another python3
Image node_image();

// As cordon-init would: writes the files, executes the program.
Ended run_fresh(const Image& image, const Workspace& workspace, const Program& program);

class Held {
 public:
  Held(const Image& image, const Workspace& workspace, const std::string& imports = "");
  Held(Held&&) = delete;
  ~Held();  // it ends when its socket is closed

  Answer next_answer() const;  // Failed when it went away without one
  void give(const Program& program, const std::vector<std::string>& env) const;
  void give_bytes(std::string_view payload, std::string_view input = "") const;
  void say(std::string_view word) const;
  Ended wait();
  pid_t pid() const { return pid_; }

 private:
  Image image_;
  Bounds bounds_{Program().time};
  Fd control_, payload_, input_;
  Outputs outputs_;
  pid_t pid_ = -1;
};

// Each program by a fresh interpreter and by a held one, and nothing may differ.
void compare_all(const Image& image, const std::vector<Program>& programs);

// Nothing when it declined.
std::optional<Ended> run_held(const Image& image, const Workspace& workspace, const Program& program);

std::vector<std::string> environment_of(const Image& image, const Program& program);

}  // namespace cordon::prestart
