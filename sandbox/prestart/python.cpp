#include "sandbox/prestart/python.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <cwchar>

#include "sandbox/prestart/command_line.hpp"
#include "sandbox/prestart/eligible.hpp"
#include "sandbox/prestart/prestart.hpp"
#include "sandbox/prestart/python_api.hpp"

namespace cordon::prestart {

namespace {

// Where a PyConfig has the fields that say what to run: offsetof, from the headers of each version (x86-64 and AArch64
// alike; fixed within a minor version, as it is part of the ABI). What stands there is compared before it is believed.
struct Layout {
  char minor[3];
  std::ptrdiff_t argv, orig_argv, run_command;  // run_module and run_filename follow; no orig_argv before 3.10: 0
};
constexpr Layout layouts[] = {
    {"9", 96, 0, 336}, {"10", 104, 88, 352}, {"11", 120, 104, 384}, {"12", 128, 112, 392}, {"13", 128, 112, 400}};

const Layout* find_layout() {
  const char* const version = Py_GetVersion();
  if (std::strncmp(version, "3.", 2) != 0) return nullptr;
  for (const auto& layout : layouts) {
    const auto length = std::strlen(layout.minor);
    if (std::strncmp(version + 2, layout.minor, length) == 0 && version[2 + length] == '.') return &layout;
  }
  return nullptr;
}

// The live configuration, of which CPython's own main reads what it has to run.
class Configuration {
 public:
  Configuration(PyConfig* config, const Layout& layout) : config_(config), layout_(layout) {}

  // Was it started as `python3 -c ''` and is every field where it is thought to be?
  bool is_as_started() const {
    const auto* const argv = list(layout_.argv);
    const auto* const original = list(layout_.orig_argv);
    return string(0) != nullptr && std::wcscmp(string(0), L"\n") == 0 && string(1) == nullptr && string(2) == nullptr &&
           argv->length == 1 && std::wcscmp(argv->items[0], L"-c") == 0 &&
           (layout_.orig_argv == 0 || (original->length == 3 && std::wcscmp(original->items[1], L"-c") == 0));
  }
  bool run_command(const wchar_t* command) const { return set(0, command) && set(2, nullptr); }
  bool run_file(const wchar_t* path) const { return set(0, nullptr) && set(2, path); }
  bool set_argv(std::span<wchar_t*> argv) const { return set_list(layout_.argv, argv); }
  bool set_orig_argv(std::span<wchar_t*> argv) const {
    return layout_.orig_argv == 0 || set_list(layout_.orig_argv, argv);
  }

 private:
  char* at(std::ptrdiff_t offset) const { return reinterpret_cast<char*>(config_) + offset; }
  PyWideStringList* list(std::ptrdiff_t offset) const { return reinterpret_cast<PyWideStringList*>(at(offset)); }
  wchar_t*& string(int index) const { return reinterpret_cast<wchar_t**>(at(layout_.run_command))[index]; }
  bool set(int index, const wchar_t* value) const {
    return PyStatus_Exception(PyConfig_SetString(config_, &string(index), value)) == 0;
  }
  bool set_list(std::ptrdiff_t offset, std::span<wchar_t*> items) const {
    const auto size = static_cast<std::ptrdiff_t>(items.size());
    return PyStatus_Exception(PyConfig_SetWideStringList(config_, list(offset), size, items.data())) == 0;
  }
  PyConfig* config_;
  const Layout& layout_;
};

// As pymain_init does it.
bool initialise(char* program) {
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

// The profile's, and what was there without them.
class Imports {
 public:
  explicit Imports(const char* names) : modules_(PySys_GetObject("modules")) {
    if (names != nullptr && *names != '\0') before_ = PyDict_Copy(modules_);
  }
  bool any() const { return before_ != nullptr; }

  // Each by its name; false when one cannot be had.
  static bool import(const char* names) {
    while (names != nullptr && *names != '\0') {
      char name[256]{};
      const auto length = std::strcspn(names, ",");
      if (length >= sizeof name) return false;
      std::memcpy(name, names, length);
      PyObject* const module = PyImport_ImportModule(name);
      if (module == nullptr) return PyErr_Clear(), false;
      Py_DecRef(module);
      names += length + (names[length] == ',' ? 1 : 0);
    }
    return true;
  }

  // A file of the job that would be imported in the place of a module which is there already.
  bool are_shadowed_by(std::span<FileView> files) const {
    if (!any()) return false;
    for (const auto& file : files)
      if (has_module_name(file.path)) return true;
    return false;
  }

  void forget() {
    if (any()) Py_DecRef(before_);
    before_ = nullptr;
  }

 private:
  bool has_module_name(std::string_view path) const {
    for (;;) {
      const auto slash = std::min(path.find('/'), path.size());
      const auto stem = std::min({path.find('.'), slash, path.size()});
      if (was_imported({path.data(), stem})) return true;
      if (slash == path.size()) return false;
      path.remove_prefix(slash + 1);
    }
  }
  bool was_imported(std::string_view name) const {
    PyObject* const key = PyUnicode_FromStringAndSize(name.data(), static_cast<std::ptrdiff_t>(name.size()));
    if (key == nullptr) return PyErr_Clear(), false;  // not UTF-8: no name of a module of the image
    const bool imported = PyDict_GetItem(modules_, key) != nullptr && PyDict_GetItem(before_, key) == nullptr;
    Py_DecRef(key);
    return imported;
  }
  PyObject* modules_;
  PyObject* before_ = nullptr;
};

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

// CPython ends the code of -c with a newline.
bool set_command(const Configuration& configuration, const wchar_t* code) {
  const auto length = std::wcslen(code);
  const Array<wchar_t> command(length + 1);
  if (!command.allocated()) return false;
  std::wmemcpy(command.data(), code, length);
  command.data()[length] = L'\n';
  return configuration.run_command(command.data());
}

// CPython makes it absolute without looking at it, and leaves it when there is no current directory.
bool set_file(const Configuration& configuration, const char* name) {
  char path[2 * PATH_MAX + 2]{};
  if (name[0] != '/' && ::getcwd(path, PATH_MAX) != nullptr) std::strcat(path, "/");
  if (std::strlen(path) + std::strlen(name) >= sizeof path) return false;
  wchar_t* const wide = Py_DecodeLocale(std::strcat(path, name), nullptr);
  if (wide == nullptr) return false;
  const bool good = configuration.run_file(wide);
  PyMem_RawFree(wide);
  return good;
}

bool adopt_arguments(const Configuration& configuration, const CommandLine& line) {
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
  return good && (is_command ? set_command(configuration, wide.all()[2]) : set_file(configuration, line.argv()[1]));
}

// Nothing has been changed yet: another sandbox can have the job.
void decline_what_would_differ(int control, const Job& job, const Start& start, const Imports& imports) {
  const auto& wanted = job.wanted();
  const auto files = paths_of(wanted.files.items());
  if (!files.allocated()) decline(control, "no memory");
  if (const auto* const reason = why_not(start, {wanted.argv.items(), wanted.env.items(), files.items()}))
    decline(control, reason);
  if (imports.are_shadowed_by(wanted.files.items())) decline(control, "files that an import would have found");
  if (job.mentions("cmdline") || job.mentions("/environ") || job.mentions("psutil"))
    decline(control, "a program that may look at what the kernel shows of its start");
}

Configuration find_configuration(int control) {
  const auto* const layout = find_layout();
  if (layout == nullptr) decline(control, "a version of python that is not known");
  const Configuration configuration(const_cast<PyConfig*>(_Py_GetConfig()), *layout);
  if (!configuration.is_as_started()) decline(control, "python's configuration is not where it should be");
  return configuration;
}

// From here on the process looks as if it had been started for the job.
void take(const Descriptors& fds, const Configuration& configuration, Imports& imports, CommandLine& line,
          const char* program) {
  const Job job(fds);
  const std::string_view started_argv[] = {program};
  const auto started_env = views_of(environ);
  if (!started_env.allocated()) decline(fds.control, "no memory");
  const Start start{Language::python, started_argv, started_env.items(), imports.any()};
  decline_what_would_differ(fds.control, job, start, imports);
  imports.forget();
  if (!line.has_room_for(job.wanted())) decline(fds.control, "more arguments or variables than there is room for");
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
  if (find_layout() == nullptr) decline(fds.control, "a version of python that is not known");
  if (!initialise(argv[0])) decline(fds.control, "python does not start");
  const auto configuration = find_configuration(fds.control);
  Imports imports(started.imports);
  if (!imports.import(started.imports)) decline(fds.control, "an import of the profile fails");
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
