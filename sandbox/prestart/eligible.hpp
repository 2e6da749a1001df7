// Whether a prestarted interpreter may take a job: only if nothing of the job could have changed how it started. The
// same rules in cordond, which asks before it takes a sandbox out of the pool, and in the interpreter, which trusts
// nobody's answer but its own. No allocation, no exceptions. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <span>
#include <string_view>

namespace cordon::prestart {

using Strings = std::span<const std::string_view>;

enum class Language { python, node };

inline constexpr std::array<std::string_view, 1> python_command{"python3"};
inline constexpr std::array<std::string_view, 2> node_command{"node", "main.js"};
inline constexpr Strings command_of(Language language) {
  return language == Language::python ? Strings(python_command) : Strings(node_command);
}
inline constexpr Language language_of(std::string_view name) {  // one of prestart_names (profile.hpp)
  return name == "python" ? Language::python : Language::node;
}

struct Start {  // what the interpreter was started with
  Language language = Language::python;
  Strings argv;  // node: exactly the command line that it takes; python: argv[0] alone counts
  Strings env;   // "NAME=value", of the profile
  bool has_imports = false;
};

struct Wanted {  // the job, as in its payload
  Strings argv;
  Strings env;
  std::string_view cwd;  // relative to /work
  Strings files;         // paths relative to /work
  Strings contents;      // of those files
};

// The job's arguments and environment come to lie over those of the start (command_line.hpp), which are this long.
inline constexpr std::size_t argument_room_bytes = std::size_t{64} * 1024;
inline constexpr std::size_t environment_room_bytes = std::size_t{8} * 1024;

namespace detail {

inline std::string_view name_of(std::string_view variable) {
  const auto end = variable.find('=');
  return end == std::string_view::npos ? variable : std::string_view(variable.data(), end);
}

// The value with its name, or nothing: libc and both interpreters take the first of several.
inline std::string_view find_variable(Strings env, std::string_view name) {
  for (const auto variable : env)
    if (name_of(variable) == name) return variable;
  return {};
}

// Read while an interpreter starts, by libc's loader, locales and allocator, by the interpreter itself, or by the .pth
// files of well-known packages. A name that ends in '*' is a prefix.
inline constexpr std::array<std::string_view, 24> read_at_start{
    "PATH",    "HOME",   "LANG",         "LANGUAGE",       "LC_*",      "LD_*",       "LOCPATH",     "NLSPATH",
    "CHARSET", "TZ",     "TZDIR",        "GLIBC_TUNABLES", "MALLOC_*",  "GCONV_PATH", "GETCONF_DIR", "POSIXLY_CORRECT",
    "PYTHON*", "NODE_*", "SETUPTOOLS_*", "COVERAGE_*",     "OPENSSL_*", "SSL_*",      "UV_*",        "ICU_*"};

inline bool is_read_at_start(std::string_view name) {
  return std::any_of(read_at_start.begin(), read_at_start.end(), [name](std::string_view known) {
    if (known.back() != '*') return name == known;
    known.remove_suffix(1);
    return name.starts_with(known);
  });
}

// Each variable of `one` that matters is the same in `other`.
inline bool agree(Strings one, Strings other, bool all_matter) {
  return std::all_of(one.begin(), one.end(), [&](std::string_view variable) {
    const auto name = name_of(variable);
    return (!all_matter && !is_read_at_start(name)) || find_variable(other, name) == find_variable(one, name);
  });
}

template <typename Predicate>
inline bool any_part(std::string_view text, char separator, Predicate is_it) {
  for (;;) {
    const auto end = std::min(text.find(separator), text.size());
    if (is_it(std::string_view(text.data(), end))) return true;
    if (end == text.size()) return false;
    text.remove_prefix(end + 1);
  }
}

inline bool has_component(std::string_view path, std::string_view component) {
  return any_part(path, '/', [component](std::string_view part) { return part == component; });
}

inline bool is_python_command(Strings started, Strings wanted) {
  if (started.empty() || wanted.size() < 2 || wanted[0] != started[0] || wanted[1].empty()) return false;
  return wanted[1] == "-c" ? wanted.size() >= 3 : wanted[1].front() != '-';
}

inline bool is_too_long_a_file(Strings python_command) {
  return python_command[1] != "-c" && python_command[1].size() >= PATH_MAX;
}

inline std::size_t bytes_of(Strings strings) {
  std::size_t bytes = 0;
  for (const auto s : strings) bytes += s.size() + 1;
  return bytes;
}

inline bool any_mentions(Strings texts, std::string_view word) {
  return std::any_of(texts.begin(), texts.end(), [word](std::string_view text) {
    return ::memmem(text.data(), text.size(), word.data(), word.size()) != nullptr;
  });
}

inline bool mentions(std::string_view text, std::string_view word) {
  return any_mentions(Strings(&text, 1), word);
}

// Of those that are read at the start: lists of paths, which from a relative or an empty one are looked for in /work.
inline constexpr std::array<std::string_view, 18> path_lists{
    "PATH",         "LD_LIBRARY_PATH", "LD_PRELOAD",      "LD_AUDIT",       "LOCPATH",      "GCONV_PATH",
    "TZDIR",        "PYTHONPATH",      "PYTHONHOME",      "PYTHONUSERBASE", "NODE_PATH",    "NODE_EXTRA_CA_CERTS",
    "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "SSL_CERT_FILE",  "SSL_CERT_DIR", "ICU_DATA"};
inline constexpr std::array<std::string_view, 3> scratch{"/work", "/tmp", "/dev/shm"};
inline constexpr std::array<std::string_view, 4> options_that_read{"-r", "import", "loader", "file"};  // of node

// Where the job's files are, or may be: what was not there when the interpreter started may be there for the job's.
// HOME is /work, and what is read below it is looked at by name.
inline bool leads_to_scratch(std::string_view variable) {
  const auto name = name_of(variable);
  if (name == "HOME" || !is_read_at_start(name)) return false;
  auto value = variable;
  value.remove_prefix(std::min(name.size() + 1, variable.size()));
  const auto is_in_value = [value](std::string_view word) { return mentions(value, word); };
  if (std::any_of(scratch.begin(), scratch.end(), is_in_value)) return true;
  if (name == "NODE_OPTIONS") return std::any_of(options_that_read.begin(), options_that_read.end(), is_in_value);
  if (std::find(path_lists.begin(), path_lists.end(), name) == path_lists.end()) return false;
  return any_part(value, ':', [](std::string_view path) { return !path.starts_with('/'); });
}

// The only directories of a job that has not begun are those that its files are in.
inline bool has_directory(const Wanted& job, std::string_view directory) {
  return directory == "." || std::any_of(job.files.begin(), job.files.end(), [directory](std::string_view file) {
           return file.size() > directory.size() && file.starts_with(directory) && file[directory.size()] == '/';
         });
}

// Of a zip archive's directory, which every archive has. Python imports from one that is the program, or in sys.path;
// what is in it is not looked at here.
inline constexpr std::string_view zip_end{"PK\5\6"};

// What the kernel shows of its start is a little longer than it would be: cmdline, too, for a python.
inline bool looks_at_its_start(Language language, const Wanted& job) {
  const auto names = [&job](std::string_view word) {
    return any_mentions(job.argv, word) || any_mentions(job.contents, word);
  };
  return names("/environ") || (language == Language::python && (names("cmdline") || names("psutil")));
}

}  // namespace detail

// Why not; nullptr when it may. Sizes first: what follows may take its time for each byte.
inline const char* why_not(const Start& start, const Wanted& job) {
  if (detail::bytes_of(job.argv) > argument_room_bytes || detail::bytes_of(job.env) > environment_room_bytes)
    return "more arguments or variables than there is room for";
  const bool is_python = start.language == Language::python;
  if (is_python && !detail::is_python_command(start.argv, job.argv)) return "not -c CODE or FILE";
  if (!is_python && !std::equal(start.argv.begin(), start.argv.end(), job.argv.begin(), job.argv.end()))
    return "not the arguments it was started with";
  if (!detail::agree(job.env, start.env, start.has_imports) || !detail::agree(start.env, job.env, start.has_imports))
    return "an environment that it was not started with";
  if (std::any_of(job.env.begin(), job.env.end(), detail::leads_to_scratch))
    return "a variable by which the job's files are read while it starts";
  if (is_python && detail::is_too_long_a_file(job.argv)) return "a path that is too long";
  if (!is_python && job.cwd != ".") return "another directory than it was started in";
  if (!detail::has_directory(job, job.cwd)) return "a directory that none of its files is in";
  for (const auto file : job.files)
    if (detail::has_component(file, ".local")) return "files that are read while it starts";
  if (is_python && start.has_imports && detail::any_mentions(job.contents, detail::zip_end))
    return "an archive that an import could have been found in";
  if (detail::looks_at_its_start(start.language, job))
    return "a program that may look at what the kernel shows of its start";
  return nullptr;
}

}  // namespace cordon::prestart
