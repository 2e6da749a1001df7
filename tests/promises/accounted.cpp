#include "tests/promises/accounted.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/acct.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include "sandbox/kernel/check.hpp"

namespace cordon::test {
namespace {

Fd children_namespace() {
  return Fd(check(::open("/proc/thread-self/ns/pid_for_children", O_RDONLY | O_CLOEXEC), "open pid_for_children"));
}

void fork_into(const Fd& pid_namespace) {
  check(::setns(pid_namespace.get(), CLONE_NEWPID), "enter a pid namespace");
}

// The first process of the namespace: it reaps, until its parent is gone.
[[noreturn]] void be_init(const char* records, int told) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGCHLD, SIG_IGN);
  const int failed = ::acct(records) == 0 ? 0 : errno;
  if (::write(told, &failed, sizeof failed) != sizeof failed) ::_exit(1);
  while (true) ::pause();
}

Ended read_record(const acct_v3& record) {
  return {std::string(record.ac_comm, ::strnlen(record.ac_comm, sizeof record.ac_comm)),
          static_cast<int>(record.ac_exitcode)};
}

}  // namespace

AccountedProcesses::AccountedProcesses() : outside_(children_namespace()) {
  std::string path = "/tmp/cordon-accounts-XXXXXX";
  records_ = Fd(check(::mkostemp(path.data(), O_CLOEXEC), "make", path));
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe");
  const Fd told(ends[0]);
  Fd telling(ends[1]);
  check(::unshare(CLONE_NEWPID), "unshare a pid namespace");
  init_ = static_cast<int>(check(::fork(), "fork"));
  if (init_ == 0) be_init(path.c_str(), telling.get());
  inside_ = children_namespace();
  fork_into(outside_);
  telling.reset();
  int failed = -1;
  const auto size = ::read(told.get(), &failed, sizeof failed);
  ::unlink(path.c_str());
  if (size != sizeof failed || failed != 0) {
    throw std::runtime_error(std::string("process accounting (acct(2)): ") + std::strerror(failed));
  }
}

AccountedProcesses::~AccountedProcesses() {
  ::kill(init_, SIGKILL);
  ::waitpid(init_, nullptr, 0);
}

std::vector<Ended> AccountedProcesses::ended() const {
  struct stat all {};
  check(::fstat(records_.get(), &all), "fstat");
  std::vector<acct_v3> records(static_cast<std::size_t>(all.st_size) / sizeof(acct_v3));
  const auto size = records.size() * sizeof(acct_v3);
  const auto got = check(::pread(records_.get(), records.data(), size, 0), "read the accounts");
  if (static_cast<std::size_t>(got) != size) throw std::runtime_error("the accounts are shorter than they were");
  std::vector<Ended> result;
  for (const auto& record : records) result.push_back(read_record(record));
  return result;
}

AccountedProcesses::Inside::Inside(const AccountedProcesses& in) : outside_(in.outside_) {
  fork_into(in.inside_);
}

AccountedProcesses::Inside::~Inside() {
  ::setns(outside_.get(), CLONE_NEWPID);
}

}  // namespace cordon::test
