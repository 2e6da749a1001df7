#include "sandbox/launcher/collector.hpp"

#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "sandbox/artifact_stream.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/mapped_file.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "sandbox/launcher/collector_walk.hpp"
#include "sandbox/launcher/scratch_survey.hpp"
#include "sandbox/payload.hpp"

namespace cordon {

namespace {

constexpr int root_at = 3, globs_at = 4, out_at = 5;

void limit(__rlimit_resource resource, rlim_t value, std::string_view step) {
  const rlimit wanted{value, value};
  rlimit found{};
  check(::setrlimit(resource, &wanted), step);
  check(::getrlimit(resource, &found), step);
  if (found.rlim_cur != value || found.rlim_max != value) throw KernelError("read back", step, ENOTRECOVERABLE);
}

void expect_identity(std::uint32_t uid) {
  std::array<uid_t, 3> u{};
  std::array<gid_t, 3> g{};
  check(::getresuid(&u[0], &u[1], &u[2]), "read the uids");
  check(::getresgid(&g[0], &g[1], &g[2]), "read the gids");
  const auto is_it = [uid](std::uint32_t id) { return id == uid; };
  if (!std::all_of(u.begin(), u.end(), is_it) || !std::all_of(g.begin(), g.end(), is_it) ||
      ::getgroups(0, nullptr) != 0)
    throw KernelError("read back", "uid, gid and groups", ENOTRECOVERABLE);
}

void drop_rights(std::uint32_t uid) {
  check(::setgroups(0, nullptr), "drop supplementary groups");
  check(::setresgid(uid, uid, uid), "set the gid");
  check(::setresuid(uid, uid, uid), "set the uid");  // clears every capability set (capabilities(7))
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
  check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "set the parent-death signal");
  limit(RLIMIT_NOFILE, 256, "limit descriptors");
  limit(RLIMIT_CPU, 10, "limit CPU time");
  limit(RLIMIT_CORE, 1, "limit core files");
  expect_identity(uid);
}

// A call that the filter leaves out, and that cannot fail without it.
void expect_filter() {
  if (::syscall(SYS_getppid) >= 0) throw KernelError("self-probe", "getppid was not refused", ENOTRECOVERABLE);
}

// Only now is a byte of the client read: the globs.
[[noreturn]] void become_collector(const Collection& c) {
  try {
    place_descriptors({c.root, c.globs, c.out}, root_at);
    drop_rights(c.uid);
    load_filter(c.filter);
    expect_filter();
    const MappedFile mapped(globs_at, "the globs");
    const auto globs = decode_globs(mapped.bytes());
    if (!globs) throw KernelError("decode the globs", "", EINVAL);
    FrameWriter out(out_at);
    auto note = collect_files(root_at, *globs, c.bounds, out);
    if (c.survey) survey_scratch(root_at, out);
    out.send(artifacts::End{std::move(note)});
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

void tell_nothing_left(int out) {
  FrameWriter frames(out);
  frames.send(artifacts::SurveyEnd{true});
  frames.send(artifacts::End{});
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

}  // namespace cordon
