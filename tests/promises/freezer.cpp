#include "tests/promises/freezer.hpp"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "tests/promises/process.hpp"

namespace cordon::test {
namespace {

std::string fresh_directory() {
  std::string name = "/tmp/cordon-freezer-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw KernelError("make a directory", name, errno);
  return name;
}

}  // namespace

// Mounted for this process alone: main.cpp has left the mount namespace.
Freezer::Freezer() : mount_(fresh_directory()), cgroup_(mount_ + "/cordon-test-" + std::to_string(::getpid())) {
  check(::mount("none", mount_.c_str(), "cgroup", 0, "freezer"), "mount the freezer at", mount_);
  check(::mkdir(cgroup_.c_str(), 0755), "make cgroup", cgroup_);
}

Freezer::~Freezer() {
  try {
    thaw();
  } catch (const KernelError& e) {
    FAIL_CHECK(e.what());
  }
  if (!eventually([&] { return ::rmdir(cgroup_.c_str()) == 0; })) FAIL_CHECK("left behind: " << cgroup_);
  ::umount2(mount_.c_str(), MNT_DETACH);
  ::rmdir(mount_.c_str());
}

void Freezer::freeze(const std::vector<pid_t>& pids) {
  for (const auto pid : pids) write_file(cgroup_ + "/cgroup.procs", std::to_string(pid));
  write_file(cgroup_ + "/freezer.state", "FROZEN");
  await_state("FROZEN\n");
}

void Freezer::thaw() {
  write_file(cgroup_ + "/freezer.state", "THAWED");
  await_state("THAWED\n");
}

void Freezer::await_state(const std::string& state) const {
  if (!eventually([&] { return read_text(cgroup_ + "/freezer.state") == state; }))
    throw KernelError("freeze or thaw", cgroup_, ETIMEDOUT);
}

}  // namespace cordon::test
