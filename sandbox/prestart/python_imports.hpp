// The imports of a profile, and which files of a job they would have been.
// Runs in: the sandbox, in the interpreter's process.
#pragma once

#include "sandbox/prestart/payload_view.hpp"
#include "sandbox/prestart/python_api.hpp"

namespace cordon::prestart {

class PythonImports {
 public:
  explicit PythonImports(const char* names);  // "json,xml.dom", null for none

  bool import_all() const;  // false when one cannot be had
  bool any() const { return before_ != nullptr; }
  // A file of the job that would have been imported in the place of a module which is there already.
  bool are_shadowed_by(std::span<FileView> files) const;
  void forget();  // the job may change sys.modules from here on

 private:
  bool have_brought_in(std::string_view name) const;
  bool have_brought_in_part_of(std::string_view path) const;

  const char* names_;
  PyObject* modules_;           // sys.modules
  PyObject* before_ = nullptr;  // a copy of it without them
};

}  // namespace cordon::prestart
