#include "tests/bench/program.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"
#include "tests/promises/process.hpp"

namespace cordon::bench {
namespace {

// Which descriptors a program begins with.
class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  void open(int number, const std::string& path, int flags) {
    posix_spawn_file_actions_addopen(&actions_, number, path.c_str(), flags, 0600);
  }
  void hand(int number, int fd, int flags) {
    if (fd < 0) return open(number, "/dev/null", flags);
    posix_spawn_file_actions_adddup2(&actions_, fd, number);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Nothing of the measurer's: a `python3` of its own first in PATH would be another program than the sandboxes'.
char* const* environment() {
  static std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", home = "HOME=/tmp", lang = "LANG=C.UTF-8";
  static const std::array<char*, 4> variables{path.data(), home.data(), lang.data(), nullptr};
  return variables.data();
}

std::string last_words(const Program& program) {
  auto text = cordon::test::read_text(program.errors);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const auto line = text.rfind('\n');
  return text.empty() ? "it said nothing" : text.substr(line == std::string::npos ? 0 : line + 1);
}

}  // namespace

pid_t begin(const Program& program, int input, int output) {
  FileActions actions;
  actions.hand(STDIN_FILENO, input, O_RDONLY);
  actions.hand(STDOUT_FILENO, output, O_WRONLY);
  actions.open(STDERR_FILENO, program.errors, O_WRONLY | O_CREAT | O_TRUNC);
  if (!program.rules.empty()) actions.open(Program::rules_number, program.rules, O_RDONLY);
  std::vector<char*> words;
  words.reserve(program.argv.size() + 1);
  for (const auto& word : program.argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, words[0], actions.get(), nullptr, words.data(), environment());
  if (error != 0) throw std::runtime_error("could not start " + program.argv[0] + ": " + std::strerror(error));
  return pid;
}

void await(const Program& program, pid_t pid) {
  int status = -1;
  if (::waitpid(pid, &status, 0) != pid || status != 0) {
    throw std::runtime_error(program.argv[0] + " ended with status " + std::to_string(status) + ": " +
                             last_words(program));
  }
}

void run(const Program& program) {
  await(program, begin(program));
}

std::string output_of(const Program& program) {
  const Fd file(static_cast<int>(check(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open", "/tmp")));
  await(program, begin(program, -1, file.get()));
  check(::lseek(file.get(), 0, SEEK_SET), "lseek");
  std::string text;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = ::read(file.get(), bytes.data(), bytes.size())) > 0;)
    text.append(bytes.data(), static_cast<std::size_t>(got));
  return text;
}

Program bare(Words argv) {
  argv.at(0) = "/usr/bin/" + argv.at(0);
  return {std::move(argv), "/dev/null", {}};
}

}  // namespace cordon::bench
