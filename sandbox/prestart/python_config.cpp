#include "sandbox/prestart/python_config.hpp"

#include <unistd.h>

#include <climits>
#include <cstring>
#include <cwchar>

#include "sandbox/prestart/append.hpp"
#include "sandbox/prestart/payload_view.hpp"

namespace cordon::prestart {

// Where a PyConfig has the fields that say what to run: offsetof, from the headers of each version (x86-64 and AArch64
// alike; fixed within a minor version, as it is part of the ABI). What stands there is compared before it is believed.
struct PythonLayout {
  char minor[3];
  std::ptrdiff_t argv, orig_argv, run_command;  // run_module and run_filename follow; no orig_argv before 3.10: 0
};

namespace {

constexpr PythonLayout layouts[] = {
    {"9", 96, 0, 336}, {"10", 104, 88, 352}, {"11", 120, 104, 384}, {"12", 128, 112, 392}, {"13", 128, 112, 400}};

bool is(const wchar_t* text, const wchar_t* expected) {
  return text != nullptr && std::wcscmp(text, expected) == 0;
}

}  // namespace

const PythonLayout* find_layout() {
  const char* const version = Py_GetVersion();
  if (std::strncmp(version, "3.", 2) != 0) return nullptr;
  for (const auto& layout : layouts) {
    const auto length = std::strlen(layout.minor);
    if (std::strncmp(version + 2, layout.minor, length) == 0 && version[2 + length] == '.') return &layout;
  }
  return nullptr;
}

bool initialise_python(char* program) {
  alignas(16) static char memory[4096];  // a PyConfig of any version, which is at most 448 bytes
  auto* const config = reinterpret_cast<PyConfig*>(memory);
  char option[] = "-c", command[] = "";
  char* const argv[] = {program, option, command, nullptr};
  PyConfig_InitPythonConfig(config);
  bool good = PyStatus_Exception(PyConfig_SetBytesArgv(config, 3, argv)) == 0;
  good = good && PyStatus_Exception(Py_InitializeFromConfig(config)) == 0;
  PyConfig_Clear(config);
  return good;
}

PythonConfiguration::PythonConfiguration(const PythonLayout& layout)
    : config_(const_cast<PyConfig*>(_Py_GetConfig())), layout_(layout) {}

wchar_t*& PythonConfiguration::command() const {
  return *reinterpret_cast<wchar_t**>(at(layout_.run_command));
}

bool PythonConfiguration::is_as_started() const {
  const auto* const argv = list(layout_.argv);
  const auto* const original = list(layout_.orig_argv);
  return is(command(), L"\n") && module() == nullptr && file() == nullptr &&  //
         argv->length == 1 && is(argv->items[0], L"-c") &&
         (layout_.orig_argv == 0 || (original->length == 3 && is(original->items[1], L"-c")));
}

bool PythonConfiguration::set(wchar_t*& field, const wchar_t* value) const {
  return PyStatus_Exception(PyConfig_SetString(config_, &field, value)) == 0;
}

bool PythonConfiguration::set_list(std::ptrdiff_t offset, std::span<wchar_t*> items) const {
  const auto size = static_cast<std::ptrdiff_t>(items.size());
  return PyStatus_Exception(PyConfig_SetWideStringList(config_, list(offset), size, items.data())) == 0;
}

bool PythonConfiguration::set_argv(std::span<wchar_t*> argv) const {
  return set_list(layout_.argv, argv);
}

bool PythonConfiguration::set_orig_argv(std::span<wchar_t*> argv) const {
  return layout_.orig_argv == 0 || set_list(layout_.orig_argv, argv);
}

// CPython ends the code of -c with a newline.
bool PythonConfiguration::set_command(const wchar_t* code) const {
  const auto length = std::wcslen(code);
  const Array<wchar_t> line(length + 1);
  if (!line.allocated()) return false;
  std::wmemcpy(line.data(), code, length);
  line.data()[length] = L'\n';
  return set(command(), line.data()) && set(file(), nullptr);
}

// CPython makes it absolute without looking at it, and leaves it when there is no current directory.
bool PythonConfiguration::set_file(const char* name) const {
  char path[2 * PATH_MAX + 2]{};
  const bool has_directory = name[0] != '/' && ::getcwd(path, PATH_MAX) != nullptr;
  if ((has_directory && !append(path, "/")) || !append(path, name)) return false;
  wchar_t* const wide = Py_DecodeLocale(path, nullptr);
  if (wide == nullptr) return false;
  const bool good = set(command(), nullptr) && set(file(), wide);
  PyMem_RawFree(wide);
  return good;
}

}  // namespace cordon::prestart
