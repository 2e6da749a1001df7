// RUNTIME_DIR/egress.sock: who connects is named by the kernel. Launchers (uid 0) bring jobs, cordond hears what they
// come to; nobody else is listened to.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "netfilter/proxy/evidence.hpp"
#include "netfilter/proxy/resolver.hpp"

namespace cordon::egress {

struct Peers {
  std::uint32_t launcher_uid = 0;
  std::uint32_t watcher_uid = 0;  // of cordond; never the launcher's
};

class Job;

class Control {
 public:
  Control(asio::io_context& io, int listening, Peers peers, Resolver& resolver, Evidence& evidence);

  void start();

 private:
  awaitable<void> accept_peers();
  void take(Descriptor peer);
  awaitable<void> serve_launcher(Descriptor launcher);
  awaitable<void> give_memory_back();
  void revoke(const RevokeEgress& revoked);
  EgressRefusal check(const std::optional<EgressJob>& job, Packet& packet) const;

  asio::io_context& io_;
  Descriptor listener_;
  Peers peers_;
  Resolver& resolver_;
  Evidence& evidence_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;
  std::size_t most_at_once_ = 0;  // jobs, since there were none
};

}  // namespace cordon::egress
