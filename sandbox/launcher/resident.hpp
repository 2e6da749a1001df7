// The resident part of the launcher: accepts lifelines from cordond, forks one process for each, and keeps the books of
// ids until the kernel says that nothing of a job is left.
// Runs in: launcher, as root.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/kernel/process.hpp"
#include "sandbox/launcher/host.hpp"
#include "sandbox/launcher/leases.hpp"

namespace cordon {

class Resident {
 public:
  // Binds `socket_path`, mode 0600, owned by daemon_uid: the only one who may connect.
  Resident(Host& host, Leases leases, const std::string& socket_path, std::uint32_t daemon_uid);

  // Until SIGTERM or SIGINT; then everything it holds is ended first.
  void serve();

 private:
  struct Served {
    std::optional<Lease> lease;  // none was left: it only says so
    Child process;
  };

  bool handle_signals();   // false: time to end
  bool accept_lifeline();  // false: there is no room for another descriptor
  void serve_peer(Fd lifeline);
  void serve_in_child(Fd& lifeline, std::optional<Lease> lease);
  void reap();
  void after(Served ended, int code);
  void clean_up_after(Lease lease);
  void try_to_clean_up();
  void reload();
  void end_all();

  Host& host_;
  Leases leases_;
  std::string socket_path_;
  std::uint32_t daemon_uid_;
  Fd listener_, signals_;
  std::map<pid_t, Served> served_;
  std::vector<Lease> left_;  // what could not be cleaned up after for want of a process
};

}  // namespace cordon
