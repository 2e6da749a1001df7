#include "sandbox/prestart/python_imports.hpp"

#include <algorithm>
#include <cstring>

namespace cordon::prestart {

PythonImports::PythonImports(const char* names)
    : names_(names == nullptr ? "" : names), modules_(PySys_GetObject("modules")) {
  if (*names_ != '\0') before_ = PyDict_Copy(modules_);
}

bool PythonImports::import_all() const {
  for (const char* at = names_; *at != '\0';) {
    char name[256]{};
    const auto length = std::strcspn(at, ",");
    if (length >= sizeof name) return false;
    std::memcpy(name, at, length);
    PyObject* const module = PyImport_ImportModule(name);
    if (module == nullptr) return PyErr_Clear(), false;
    Py_DecRef(module);
    at += length + (at[length] == ',' ? 1 : 0);
  }
  return true;
}

bool PythonImports::are_shadowed_by(std::span<FileView> files) const {
  return any() && std::any_of(files.begin(), files.end(),
                              [this](const FileView& file) { return have_brought_in_part_of(file.path); });
}

void PythonImports::forget() {
  if (any()) Py_DecRef(before_);
  before_ = nullptr;
}

bool PythonImports::have_brought_in(std::string_view name) const {
  PyObject* const key = PyUnicode_FromStringAndSize(name.data(), static_cast<std::ptrdiff_t>(name.size()));
  if (key == nullptr) return PyErr_Clear(), false;  // not UTF-8: no name of a module of the image
  const bool brought_in = PyDict_GetItem(modules_, key) != nullptr && PyDict_GetItem(before_, key) == nullptr;
  Py_DecRef(key);
  return brought_in;
}

// Each component up to its first dot: a module's file may have more than one, `re.cpython-311-x86_64-linux-gnu.so`.
bool PythonImports::have_brought_in_part_of(std::string_view path) const {
  for (;;) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto stem = std::min(path.find('.'), slash);
    if (have_brought_in({path.data(), stem})) return true;
    if (slash == path.size()) return false;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace cordon::prestart
