// Who is at the other end of a socket, as the kernel says (SO_PEERCRED, SO_PEERGROUPS in unix(7), socket(7)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/actors.hpp"
#include "supervisor/http/problem.hpp"

namespace cordon {

enum class Role { agent, operator_, scraper };  // by the socket that was chosen; a scraper reads metrics and no more

// Who somebody is in the words of operators: jobs, keys, limits and kill scopes go by these.
struct Account {
  std::string actor;   // as the configuration names it; "uid:1000" for who is not named there
  std::string tenant;  // empty: an operator whom it denies as an actor; they may do all but submit
  bool operator==(const Account&) const = default;
};
Account account_of(std::uint32_t uid);  // under the shipped configuration: "uid:1000" of "default"

struct Caller {
  std::uint32_t uid = 0;
  Role role = Role::agent;
  Account account;
  std::shared_ptr<const std::vector<gid_t>> groups = nullptr;  // of who is on the operators' socket
};

struct Peer {
  uid_t uid = 0;
  std::vector<gid_t> groups;  // all: the primary one too
};

// Taken once, right after accept. nullopt, whatever went wrong: then nobody is served.
std::optional<Peer> peer_of(int socket);

// root, or a member of `group`. The overflow uid, as which an unmapped peer appears, never.
bool may_use_socket(const Peer& peer, gid_t group);

// Who the peer is under this configuration: whose uid it has, otherwise of whose group it is, otherwise unknown. 403
// for unknown agents when those are denied, for members of two actors' groups, and for an actor without this role.
tl::expected<Account, Rejection> account_of(const Peer& peer, Role role, const ActorsConfig& actors);

}  // namespace cordon
