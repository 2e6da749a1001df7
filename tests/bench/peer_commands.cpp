// How each is told to isolate: all namespaces, no capability, no new privileges, a read-only /usr, a scratch of its
// own, and rules on system calls.
#include <fmt/format.h>

#include "tests/bench/oci_bundle.hpp"
#include "tests/bench/peers.hpp"

namespace cordon::bench {
namespace {

void append(Words& words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
}

// One container of its own for each lane, its bundle written ahead.
Words run_bundle(const std::string& runtime, const Workshop& shop, const Words& argv, unsigned lane) {
  const auto id = runtime.substr(runtime.rfind('/') + 1) + "-" + std::to_string(lane);
  const auto bundle = shop.directory + "/" + id + "-" +
                      std::to_string(std::hash<std::string>{}(fmt::format("{}", fmt::join(argv, "\n"))));
  write_bundle(bundle, {argv, shop.root, shop.cgroup + "/" + id, shop.profile});
  return {runtime, "run", "--bundle", bundle, "cordon-bench-" + id};
}

}  // namespace

Peer bubblewrap() {
  const auto command = [](const Workshop&, const Words& argv, unsigned) {
    Words words{"/usr/bin/bwrap",
                "--unshare-all",
                "--unshare-user",
                "--die-with-parent",
                "--new-session",
                "--cap-drop",
                "ALL",
                "--uid",
                "1000",
                "--gid",
                "1000",
                "--hostname",
                "sandbox",
                "--ro-bind",
                "/usr",
                "/usr",
                "--symlink",
                "usr/bin",
                "/bin",
                "--symlink",
                "usr/lib",
                "/lib",
                "--symlink",
                "usr/lib64",
                "/lib64",
                "--proc",
                "/proc",
                "--dev",
                "/dev",
                "--tmpfs",
                "/tmp",
                "--tmpfs",
                "/work",
                "--chdir",
                "/work",
                "--remount-ro",
                "/",
                "--disable-userns"};
    append(words, {"--seccomp", std::to_string(Program::rules_number), "--"});
    append(words, argv);
    return words;
  };
  return {"bubblewrap", "/usr/bin/bwrap", "none", command, true};
}

Peer crun() {
  const auto command = [](const Workshop& shop, const Words& argv, unsigned lane) {
    return run_bundle("/usr/bin/crun", shop, argv, lane);
  };
  return {"crun", "/usr/bin/crun", "memory, pids, cpu", command};
}

Peer runc() {
  const auto command = [](const Workshop& shop, const Words& argv, unsigned lane) {
    return run_bundle("/usr/sbin/runc", shop, argv, lane);
  };
  return {"runc", "/usr/sbin/runc", "memory, pids, cpu", command};
}

Peer firejail() {
  const auto command = [](const Workshop&, const Words& argv, unsigned) {
    Words words{"/usr/bin/firejail", "--quiet",       "--noprofile", "--net=none", "--ipc-namespace",
                "--caps.drop=all",   "--nonewprivs",  "--seccomp",   "--private",  "--private-tmp",
                "--private-dev",     "--read-only=/", "--"};
    append(words, argv);
    return words;
  };
  return {"firejail", "/usr/bin/firejail", "none", command};
}

Peer systemd_nspawn() {
  const auto command = [](const Workshop& shop, const Words& argv, unsigned lane) {
    Words words{"/usr/bin/systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--directory=" + shop.root};
    append(words, {"--machine=cordon-bench-" + std::to_string(lane), "--read-only", "--private-network",
                   "--private-users=2000000000:65536", "--as-pid2", "--pipe", "--bind-ro=/usr", "--tmpfs=/work",
                   "--tmpfs=/tmp", "--timezone=off", "--no-new-privileges=yes", "--drop-capability=all", "--"});
    append(words, argv);
    return words;
  };
  return {"systemd-nspawn", "/usr/bin/systemd-nspawn", "none", command};
}

}  // namespace cordon::bench
