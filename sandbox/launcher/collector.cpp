#include "sandbox/launcher/collector.hpp"

#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <csignal>

#include "sandbox/artifact_stream.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/mapped_file.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "sandbox/launcher/collector_walk.hpp"
#include "sandbox/payload.hpp"

namespace cordon {

namespace {

constexpr int work_at = 3, globs_at = 4, out_at = 5;

void drop_rights(std::uint32_t uid) {
  constexpr rlimit few_files{256, 256}, seconds_of_cpu{10, 10}, none{1, 1};
  check(::setgroups(0, nullptr), "drop supplementary groups");
  check(::setresgid(uid, uid, uid), "set the gid");
  check(::setresuid(uid, uid, uid), "set the uid");  // clears every capability set (capabilities(7))
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
  check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "set the parent-death signal");
  check(::setrlimit(RLIMIT_NOFILE, &few_files), "limit descriptors");
  check(::setrlimit(RLIMIT_CPU, &seconds_of_cpu), "limit CPU time");
  check(::setrlimit(RLIMIT_CORE, &none), "limit core files");
}

// Only now is a byte of the client read: the globs.
[[noreturn]] void become_collector(const Collection& c) {
  try {
    place_descriptors({c.work, c.globs, c.out}, work_at);
    drop_rights(c.uid);
    load_filter(c.filter);
    const MappedFile mapped(globs_at, "the globs");
    const auto globs = decode_globs(mapped.bytes());
    if (!globs) throw KernelError("decode the globs", "", EINVAL);
    walk_and_stream(work_at, *globs, c.bounds, out_at);
    ::_exit(0);
  } catch (const std::exception& e) {
    tell_no_collection(out_at, e.what());
  }
  ::_exit(1);
}

}  // namespace

void tell_no_collection(int out, std::string_view why) {
  const auto end = encode(artifacts::Frame(artifacts::End{"collection failed: " + std::string(why)}));
  [[maybe_unused]] const auto written = ::write(out, end.data(), end.size());
}

bool collect(const Collection& collection) {
  auto child = fork_with_pidfd();
  if (child.pid == 0) become_collector(collection);
  std::array<pollfd, 2> wanted{{{child.pidfd.get(), POLLIN, 0}, {collection.lifeline, POLLIN | POLLRDHUP, 0}}};
  while (::poll(wanted.data(), wanted.size(), static_cast<int>(collection.patience.count())) < 0 && errno == EINTR) {
  }
  const bool by_itself = wanted[0].revents != 0;
  if (!by_itself) child.kill();
  return child.wait() == 0 && by_itself;
}

SeccompPolicy collector_calls() {
  SeccompPolicy policy;
  policy.default_action = {SeccompVerdict::errno_value, ENOSYS};
  policy.rules.push_back({{"read", "write", "close", "fstat", "newfstatat", "openat2", "getdents64", "lseek", "fcntl",
                           "mmap", "munmap", "mremap", "brk", "madvise", "futex", "exit", "exit_group", "rt_sigreturn"},
                          {SeccompVerdict::allow, 0},
                          {},
                          "walk, hash and stream"});
  return policy;
}

}  // namespace cordon
