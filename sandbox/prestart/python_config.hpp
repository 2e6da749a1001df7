// CPython's configuration: where it keeps what it was asked to run.
// Runs in: the sandbox, in the interpreter's process.
#pragma once

#include <span>

#include "sandbox/prestart/python_api.hpp"

namespace cordon::prestart {

struct PythonLayout;

// Null for a version whose configuration is not known.
const PythonLayout* find_layout();

// As CPython's main does it, for `python3 -c ''`.
bool initialise_python(char* program);

// The live configuration, in which CPython's own main looks for what it has to run.
class PythonConfiguration {
 public:
  explicit PythonConfiguration(const PythonLayout& layout);

  // Was it started as `python3 -c ''` and is every field where it is thought to be?
  bool is_as_started() const;

  // All of them: false when there is no memory.
  bool set_argv(std::span<wchar_t*> argv) const;
  bool set_orig_argv(std::span<wchar_t*> argv) const;
  bool set_command(const wchar_t* code) const;
  bool set_file(const char* name) const;

 private:
  char* at(std::ptrdiff_t offset) const { return reinterpret_cast<char*>(config_) + offset; }
  PyWideStringList* list(std::ptrdiff_t offset) const { return reinterpret_cast<PyWideStringList*>(at(offset)); }
  wchar_t*& command() const;
  wchar_t*& module() const { return (&command())[1]; }
  wchar_t*& file() const { return (&command())[2]; }
  bool set(wchar_t*& field, const wchar_t* value) const;
  bool set_list(std::ptrdiff_t offset, std::span<wchar_t*> items) const;

  PyConfig* config_;
  const PythonLayout& layout_;
};

}  // namespace cordon::prestart
