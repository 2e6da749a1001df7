// Who is at the other end of a socket, as the kernel says (SO_PEERCRED, SO_PEERGROUPS in unix(7), socket(7)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cordon {

enum class Role { agent, operator_, scraper };  // by the socket that was chosen; a scraper reads metrics and no more

// Who a uid is in the words of operators: jobs, keys, limits and kill scopes go by these.
struct Account {
  std::string actor, tenant;
  bool operator==(const Account&) const = default;
};
Account account_of(std::uint32_t uid);  // "uid:1000" of "default"

struct Caller {
  std::uint32_t uid = 0;
  Role role = Role::agent;
  Account account;
};

struct Peer {
  uid_t uid = 0;
  std::vector<gid_t> groups;  // all: the primary one too
};

// Taken once, right after accept. nullopt, whatever went wrong: then nobody is served.
std::optional<Peer> peer_of(int socket);

// root, or a member of `group`. The overflow uid, as which an unmapped peer appears, never.
bool may_use_socket(const Peer& peer, gid_t group);

}  // namespace cordon
