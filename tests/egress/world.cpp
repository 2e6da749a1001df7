#include "tests/egress/world.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>

#include "sandbox/kernel/check.hpp"

namespace cordon::egress_test {

namespace {

Fd this_network() {
  return Fd(check(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open", "the network namespace"));
}

Fd new_network() {
  const auto before = this_network();
  check(::unshare(CLONE_NEWNET), "make a network namespace");
  auto made = this_network();
  check(::setns(before.get(), CLONE_NEWNET), "go back");
  return made;
}

std::string path_of(const Fd& fd) {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd.get());
}

std::pair<Fd, Fd> pipe_pair() {
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC), "make a pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

[[noreturn]] void become(const std::vector<std::string>& command, int in, int out, int kept) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (in >= 0) ::dup2(in, 0);
  if (out >= 0) ::dup2(out, 1);
  if (kept >= 0) ::fcntl(kept, F_SETFD, 0);
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

Within::Within(const Fd& network) : before_(this_network()) {
  check(::setns(network.get(), CLONE_NEWNET), "enter a network");
}

Within::~Within() {
  if (::setns(before_.get(), CLONE_NEWNET) < 0) std::abort();
}

Child::Child(const Fd& network, const std::vector<std::string>& command, int in, int out, int kept) {
  const Within there(network);
  pid_ = check(::fork(), "fork");
  if (pid_ == 0) become(command, in, out, kept);
}

void Child::kill() {
  ::kill(pid_, SIGKILL);
}

void Child::end() {
  if (pid_ <= 0) return;
  kill();
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void run_in(const Fd& network, const std::vector<std::string>& command) {
  const Within there(network);
  const auto pid = check(::fork(), "fork");
  if (pid == 0) become(command, -1, -1, -1);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status == 0) return;
  std::string text;
  for (const auto& word : command) text += word + " ";
  throw std::runtime_error("failed: " + text);
}

World::World() : host_(new_network()), internet_(new_network()), sandbox_(new_network()) {
  char name[] = "/tmp/cordon-egress-test.XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = name;
  ::chmod(name, 0755);
  wire();
  auto [read_command, write_command] = pipe_pair();
  auto [read_answer, write_answer] = pipe_pair();
  fake_ = std::make_unique<Child>(
      internet_,
      std::vector<std::string>{"/usr/bin/python3", CORDON_SOURCE_DIR "/tests/egress/fake_internet.py", "far",
                               directory_},
      read_command.get(), write_answer.get());
  to_internet_ = std::move(write_command);
  from_internet_ = std::move(read_answer);
  write_answer.reset();
  ask(nullptr);
}

World::~World() {
  fake_.reset();
  std::filesystem::remove_all(directory_);
}

void World::wire() {
  const auto ip = [](const Fd& network, const std::string& words) {
    run_in(network, {"sh", "-c", "exec ip " + words});
  };
  ip(host_, "link add near type veth peer name far netns " + path_of(internet_));
  for (const auto* network : {&host_, &internet_, &sandbox_}) ip(*network, "link set lo up");
  ip(host_, std::string("addr add ") + own_address + "/24 dev near");
  ip(host_, "addr add 2a00:1::1/64 dev near nodad");
  ip(host_, "link set near up");
  ip(host_, "route add default via 11.0.0.2");
  ip(internet_, "addr add 11.0.0.2/24 dev far");
  ip(internet_, "addr add 2a00:1::2/64 dev far nodad");
  ip(internet_, "link set far up");
  ip(host_, "-6 route add default via 2a00:1::2");
  // Every address but the host's is here, denied ones too: what is sent to them arrives and is counted.
  ip(internet_, "route add table local 11.0.0.0/24 dev far");
  ip(internet_, "route add local 0.0.0.0/0 dev lo");
  ip(internet_, "-6 route add table local 2a00:1::1/128 dev far");
  ip(internet_, "-6 route add local ::/0 dev lo");
  ip(sandbox_, "route add local 198.18.0.0/15 dev lo");
}

Json World::ask(const Json& command) {
  if (!command.is_null()) {
    const auto line = command.dump() + "\n";
    check(::write(to_internet_.get(), line.data(), line.size()), "write to the fake internet");
  }
  std::string line;
  while (!line.ends_with('\n')) {
    char part[65536];
    const auto size = ::read(from_internet_.get(), part, sizeof part);
    if (size <= 0) throw std::runtime_error("the fake internet has ended");
    line.append(part, static_cast<std::size_t>(size));
  }
  return Json::parse(line);
}

void World::name(const std::string& name, const Json& a, const Json& more) {
  Json command = {{"do", "name"}, {"name", name}, {"A", a}};
  command.update(more);
  ask(command);
}

Json World::counts() {
  return ask({{"do", "counts"}});
}

void World::forget() {
  ask({{"do", "forget"}});
}

std::set<std::string> beyond(const Json& packets, const std::set<std::string>& expected) {
  std::set<std::string> out;
  for (const auto& [where, n] : packets.items())
    if (expected.count(where) == 0) out.insert(where);
  return out;
}

}  // namespace cordon::egress_test
