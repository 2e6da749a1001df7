#include "sandbox/prestart/python.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/prestart/prestart.hpp"
#include "sandbox/prestart/python_api.hpp"
#include "sandbox/prestart/python_config.hpp"
#include "sandbox/prestart/python_imports.hpp"

namespace cordon::prestart {

namespace {

// The arguments as CPython decodes them from main()'s.
class WideArguments {
 public:
  explicit WideArguments(const CommandLine& line) : items_(static_cast<std::size_t>(line.argc())) {
    for (int i = 0; items_.allocated() && i < line.argc(); ++i)
      items_.data()[i] = Py_DecodeLocale(line.argv()[i], nullptr);
  }
  WideArguments(const WideArguments&) = delete;
  WideArguments& operator=(const WideArguments&) = delete;
  ~WideArguments() {
    for (auto* const item : items_.items()) PyMem_RawFree(item);
  }
  bool decoded() const {
    for (auto* const item : items_.items())
      if (item == nullptr) return false;
    return items_.allocated();
  }
  std::span<wchar_t*> all() const { return items_.items(); }
  std::span<wchar_t*> from(std::size_t first) const { return all().subspan(first); }

 private:
  Array<wchar_t*> items_;
};

// In place, as everything that was started may hold the list already.
bool assign(PyObject* list, std::span<wchar_t*> strings) {
  PyObject* const values = PyList_New(0);
  bool good = list != nullptr && values != nullptr;
  for (auto* const s : strings) {
    PyObject* const value = good ? PyUnicode_FromWideChar(s, -1) : nullptr;
    good = value != nullptr && PyList_Append(values, value) == 0;
    if (value != nullptr) Py_DecRef(value);
  }
  good = good && PyList_SetSlice(list, 0, PTRDIFF_MAX, values) == 0;
  if (values != nullptr) Py_DecRef(values);
  return good;
}

// posix.environ is the dictionary beneath os.environ; filled as posix fills it: the first of several wins.
bool adopt_environment(char** env) {
  environ = env;
  PyObject* const posix = PyImport_ImportModule("posix");
  PyObject* const dictionary = posix == nullptr ? nullptr : PyObject_GetAttrString(posix, "environ");
  if (dictionary == nullptr) return false;
  PyDict_Clear(dictionary);
  bool good = true;
  for (; good && *env != nullptr; ++env) {
    const char* const equals = std::strchr(*env, '=');
    PyObject* const name = PyBytes_FromStringAndSize(*env, equals - *env);
    PyObject* const value = PyBytes_FromStringAndSize(equals + 1, static_cast<std::ptrdiff_t>(std::strlen(equals + 1)));
    good = name != nullptr && value != nullptr && PyDict_SetDefault(dictionary, name, value) != nullptr;
    if (name != nullptr) Py_DecRef(name);
    if (value != nullptr) Py_DecRef(value);
  }
  Py_DecRef(dictionary);
  Py_DecRef(posix);
  return good;
}

bool adopt_arguments(const PythonConfiguration& configuration, const CommandLine& line) {
  const WideArguments wide(line);
  if (!wide.decoded()) return false;
  PyObject* const original = PySys_GetObject("orig_argv");
  const bool is_command = std::strcmp(line.argv()[1], "-c") == 0;
  // sys.argv starts with "-c" or the file; the code is not in it.
  if (is_command) std::swap(wide.all()[1], wide.all()[2]);
  const auto rest = wide.from(is_command ? 2 : 1);
  bool good = configuration.set_argv(rest) && assign(PySys_GetObject("argv"), rest);
  if (is_command) std::swap(wide.all()[1], wide.all()[2]);
  good = good && configuration.set_orig_argv(wide.all()) && (original == nullptr || assign(original, wide.all()));
  return good && (is_command ? configuration.set_command(wide.all()[2]) : configuration.set_file(line.argv()[1]));
}

// From here on the process looks as if it had been started for the job.
void take(const Descriptors& fds, const PythonConfiguration& configuration, PythonImports& imports, CommandLine& line,
          const char* program) {
  const Job job(fds);
  const std::string_view started_argv[] = {program};
  const auto started_env = views_of(environ);
  if (!started_env.allocated()) decline(fds.control, "no memory");
  const Start start{Language::python, started_argv, started_env.items(), imports.any()};
  decline_what_would_differ(fds.control, start, job, line);
  if (imports.are_shadowed_by(job.wanted().files.items()))
    decline(fds.control, "files that an import would have found");
  imports.forget();
  job.write_files(fds.control);
  job.enter_directory(fds.control);
  if (!line.lay_out(job.wanted()) || !adopt_environment(line.env()) || !adopt_arguments(configuration, line))
    fail(fds.control, "tell the interpreter what to run", job.wanted().argv.data()[0], ENOMEM);
}

}  // namespace

bool is_python() {
  return Py_RunMain != nullptr && _Py_GetConfig != nullptr;
}

int hold_python(const Started& started, CommandLine& line, char* const* argv) {
  const auto& fds = started.descriptors;
  const auto* const layout = find_layout();
  if (layout == nullptr) decline(fds.control, "a version of python that is not known");
  if (!initialise_python(argv[0])) decline(fds.control, "python does not start");
  const PythonConfiguration configuration(*layout);
  if (!configuration.is_as_started()) decline(fds.control, "python's configuration is not where it should be");
  PythonImports imports(started.imports);
  if (!imports.import_all()) decline(fds.control, "an import of the profile fails");
  decline_if_environment_changed(started);
  tell_ready(fds.control);
  await(fds.control, take_job);
  take(fds, configuration, imports, line, argv[0]);
  tell_prepared(fds.control);
  await(fds.control, go);
  ::close(fds.control);
  ::close(fds.payload);
  return Py_RunMain();
}

}  // namespace cordon::prestart
