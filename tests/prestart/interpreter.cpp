#include "tests/prestart/interpreter.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include <catch2/catch.hpp>

#include "sandbox/kernel/check.hpp"
#include "sandbox/payload.hpp"

namespace cordon::prestart {

namespace {

namespace fs = std::filesystem;

constexpr int control_fd = 3, payload_fd = 4, library_fd = 5;

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty())
    bytes.remove_prefix(static_cast<std::size_t>(check(::write(fd, bytes.data(), bytes.size()), "write")));
}

Fd memory_file(const char* name, std::string_view bytes) {
  Fd fd(check(::memfd_create(name, MFD_CLOEXEC), "make a memfd"));
  write_all(fd.get(), bytes);
  check(::lseek(fd.get(), 0, SEEK_SET), "rewind");
  return fd;
}

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Pipe {
  Fd out, in;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const auto& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Start {
  std::string executable, cwd;
  std::vector<std::string> argv, env;
  std::vector<int> fds;  // from 0; nothing else stays open
};

// Between fork and exec only system calls.
[[noreturn]] void execute(const Start& start, char* const* argv, char* const* env) {
  ::signal(SIGPIPE, SIG_DFL);
  std::array<int, 8> high{};
  for (std::size_t i = 0; i < start.fds.size(); ++i) high[i] = ::fcntl(start.fds[i], F_DUPFD, 64);
  for (std::size_t i = 0; i < start.fds.size(); ++i) ::dup2(high[i], static_cast<int>(i));
  ::syscall(SYS_close_range, static_cast<unsigned>(start.fds.size()), ~0U, 0U);
  if (::setsid() < 0 || ::chdir(start.cwd.c_str()) < 0) ::_exit(125);
  ::execve(start.executable.c_str(), argv, env);
  ::_exit(127);
}

pid_t spawn(const Bounds& bounds, const Start& start) {
  const auto argv = pointers(start.argv), env = pointers(start.env);
  return bounds.start([&] { execute(start, argv.data(), env.data()); });
}

Payload payload_of(const Program& program, const std::vector<std::string>& env) {
  Payload payload{program.argv, env, program.cwd, {}};
  for (const auto& [path, content] : program.files) payload.files.push_back({path, 0644, content});
  return payload;
}

}  // namespace

Workspace::Workspace() {
  std::string name = "/tmp/cordon-prestart-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) check(-1, "make a directory", name);
  path_ = name;
}

Workspace::~Workspace() {
  std::error_code gone;
  fs::remove_all(path_, gone);
}

void Workspace::empty() const {
  for (const auto& entry : fs::directory_iterator(path_)) fs::remove_all(entry.path());
}

Image python_image() {
  Image image{"/usr/bin/python3", CORDON_BIN_DIR "/cordon-prestart-python.so", {"python3", argument_room()}};
  if (const char* const other = std::getenv("CORDON_TEST_PYTHON")) {
    image.executable = std::string(other) + "/python3";
    image.env[0] = "PATH=" + std::string(other) + ":/usr/bin:/bin";
  }
  return image;
}

Image node_image() {
  return {"/usr/bin/node", CORDON_BIN_DIR "/cordon-prestart-node.so", {"node", "main.js"}};
}

std::vector<std::string> environment_of(const Image& image, const Program& program) {
  auto env = image.env;
  env.insert(env.end(), program.env.begin(), program.env.end());
  return env;
}

Ended run_fresh(const Image& image, const Workspace& workspace, const Program& program) {
  workspace.empty();
  for (const auto& [path, content] : program.files) {
    const auto place = fs::path(workspace.path()) / path;
    fs::create_directories(place.parent_path());
    std::ofstream(place, std::ios::binary) << content;
    check(::chmod(place.c_str(), 0644), "chmod", path);
  }
  auto out = make_pipe(), err = make_pipe();
  const auto input = memory_file("stdin", program.input);
  const Start start{image.executable,
                    workspace.path() + "/" + program.cwd,
                    program.argv,
                    environment_of(image, program),
                    {input.get(), out.in.get(), err.in.get()}};
  Bounds bounds(program.time);
  const auto child = spawn(bounds, start);
  out.in.reset(), err.in.reset();
  Outputs outputs{std::move(out.out), std::move(err.out)};
  return wait_for(child, std::move(outputs), bounds);
}

Held::Held(const Image& image, const Workspace& workspace, const std::string& imports)
    : image_(image), payload_(memory_file("payload", "")), input_(memory_file("stdin", "")) {
  workspace.empty();
  std::array<int, 2> ends{};
  check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), "make a socket pair");
  control_.reset(ends[0]);
  const Fd theirs(ends[1]);
  const auto code = memory_file("library", read_all(image.library));
  auto out = make_pipe(), err = make_pipe();
  Start start{image.executable,
              workspace.path(),
              image.held_argv,
              image.env,
              {input_.get(), out.in.get(), err.in.get(), theirs.get(), payload_.get(), code.get()}};
  start.env.push_back("LD_PRELOAD=/proc/self/fd/" + std::to_string(library_fd));
  start.env.push_back(std::string(descriptors_variable) + "=" + std::to_string(control_fd) + ":" +
                      std::to_string(payload_fd) + ":" + std::to_string(library_fd));
  start.env.push_back(environment_room());
  if (!imports.empty()) start.env.push_back(std::string(imports_variable) + "=" + imports);
  pid_ = spawn(bounds_, start);
  outputs_ = {std::move(out.out), std::move(err.out)};
}

Held::~Held() {
  control_.reset();
  Outputs outputs = std::move(outputs_);  // as anywhere: bounded in time
  if (pid_ > 0) wait_for(pid_, std::move(outputs), bounds_);
}

Answer Held::next_answer() const {
  std::string bytes(max_answer, '\0');
  bytes.resize(static_cast<std::size_t>(check(::recv(control_.get(), bytes.data(), bytes.size(), 0), "receive")));
  if (bytes.empty()) return Failed{"went away", "", 0};
  const auto answer = decode_answer(bytes);
  if (!answer) return Failed{"said what is not an answer", bytes, 0};
  return *answer;
}

void Held::give_bytes(std::string_view payload, std::string_view input) const {
  write_all(payload_.get(), payload);
  write_all(input_.get(), input);
  check(::lseek(input_.get(), 0, SEEK_SET), "rewind");
  say(take_job);
}

void Held::give(const Program& program, const std::vector<std::string>& env) const {
  give_bytes(encode(payload_of(program, env)), program.input);
}

void Held::say(std::string_view word) const {
  check(::send(control_.get(), word.data(), word.size(), MSG_NOSIGNAL), "send");
}

Ended Held::wait() {
  return wait_for(std::exchange(pid_, -1), std::move(outputs_), bounds_);
}

std::optional<Ended> run_held(const Image& image, const Workspace& workspace, const Program& program) {
  Held held(image, workspace);
  if (!std::holds_alternative<Ready>(held.next_answer())) return std::nullopt;
  held.give(program, environment_of(image, program));
  if (!std::holds_alternative<Prepared>(held.next_answer())) return std::nullopt;
  held.say(go);
  return held.wait();
}

void compare_all(const Image& image, const std::vector<Program>& programs) {
  const Workspace workspace;
  for (const auto& program : programs) {
    INFO(program.name);
    const auto fresh = without_numbers_of_the_run(run_fresh(image, workspace, program));
    const auto held = run_held(image, workspace, program);
    REQUIRE(held);
    CHECK_FALSE(fresh.ran_away);
    CHECK(without_numbers_of_the_run(*held) == fresh);
    if (std::getenv("CORDON_TEST_SHOW") != nullptr) std::cout << program.name << ": " << fresh << '\n';
  }
}

}  // namespace cordon::prestart
