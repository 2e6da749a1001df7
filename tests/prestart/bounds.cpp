#include "tests/prestart/bounds.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/process.hpp"

namespace cordon::prestart {

namespace {

// For each process that runs tests; gone when that ends.
class Subtree {
 public:
  Subtree() : layout_(prepare_cgroups("prestart-test-" + std::to_string(::getpid()))) {}
  ~Subtree() { remove_cgroups(layout_); }
  Subtree(const Subtree&) = delete;
  Subtree& operator=(const Subtree&) = delete;
  const CgroupLayout& layout() const { return layout_; }

 private:
  CgroupLayout layout_;
};

const CgroupLayout& own_subtree() {
  static const Subtree subtree;
  return subtree.layout();
}

Limits limits() {
  Limits limits{};
  limits.pids = Bounds::processes;
  limits.memory_bytes = Bounds::memory_bytes;
  limits.cpus_milli = 2000;
  return limits;
}

}  // namespace

Bounds::Bounds(std::chrono::seconds time)
    : cgroup_(own_subtree(), "program"), deadline_(std::chrono::steady_clock::now() + time) {
  cgroup_.set_limits(limits());
}

pid_t Bounds::start(const std::function<void()>& in_child) const {
  const auto tasks = cgroup_.open_tasks();
  auto child = clone_child(0, cgroup_.directory());
  if (child.pid == 0) {
    for (const auto& file : tasks)
      if (::write(file.get(), "0", 1) != 1) ::_exit(125);
    in_child();
    ::_exit(125);
  }
  const auto pid = child.pid;
  child.abandon();  // who waits for its end has it from here
  return pid;
}

void Bounds::kill() {
  cgroup_.kill_and_wait(std::chrono::seconds(10));
}

std::chrono::milliseconds Bounds::left() const {
  const auto left = deadline_ - std::chrono::steady_clock::now();
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds(0));
}

}  // namespace cordon::prestart
