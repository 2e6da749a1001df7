#include "supervisor/identity.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "supervisor/admission/refusals.hpp"

namespace cordon {
namespace {

constexpr uid_t overflow_uid = overflow_id;
constexpr gid_t no_group = static_cast<gid_t>(-1);

std::optional<std::vector<gid_t>> supplementary_groups(int socket) {
  std::vector<gid_t> groups(32);
  for (int tries = 0; tries < 4; ++tries) {
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0) {
      groups.resize(bytes / sizeof(gid_t));
      return groups;
    }
    if (errno != ERANGE) return std::nullopt;
    groups.resize(bytes / sizeof(gid_t));  // the kernel said how many there are
  }
  return std::nullopt;
}

bool has(const std::vector<std::uint32_t>& ids, std::uint32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

const ActorConfig* actor_with_uid(const ActorsConfig& actors, uid_t uid) {
  const auto at = std::find_if(actors.known.begin(), actors.known.end(),
                               [&](const ActorConfig& actor) { return has(actor.uids, uid); });
  return at == actors.known.end() ? nullptr : &*at;
}

std::vector<const ActorConfig*> actors_with_group(const ActorsConfig& actors, const std::vector<gid_t>& groups) {
  std::vector<const ActorConfig*> out;
  for (const auto& actor : actors.known) {
    const bool is_member = std::any_of(groups.begin(), groups.end(), [&](gid_t group) {
      return group != overflow_id && has(actor.gids, group);  // an unmapped group is nobody's
    });
    if (is_member) out.push_back(&actor);
  }
  return out;
}

Rejection ambiguous(const ActorConfig& one, const ActorConfig& other) {
  return {403, "ambiguous_actor", "Forbidden",
          "you are in groups of actor \"" + one.name + "\" and of actor \"" + other.name + "\"",
          "Have the operator name your uid in \"actors\"."};
}

bool may_be(const ActorConfig& actor, Role role) {
  return role == Role::agent ? actor.may_be_agent : actor.may_operate;
}

Rejection not_in_this_role(const ActorConfig& actor, Role role) {
  return {403, "role_denied", "Forbidden",
          "actor \"" + actor.name + "\" may not be " + (role == Role::agent ? "an agent" : "an operator"),
          "Use the other socket, or have the operator add the role to \"actors\"."};
}

tl::expected<Account, Rejection> unknown_account(uid_t uid, Role role, const ActorsConfig& actors) {
  auto name = "uid:" + std::to_string(uid);
  if (actors.unknown_tenant) return Account{std::move(name), *actors.unknown_tenant};
  if (role == Role::operator_) return Account{std::move(name), {}};
  return tl::unexpected(unknown_actor(name));
}

}  // namespace

std::optional<Peer> peer_of(int socket) {
  ucred credentials{};
  credentials.uid = overflow_uid;
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || size != sizeof credentials) {
    return std::nullopt;
  }
  auto groups = supplementary_groups(socket);
  if (!groups || credentials.uid == static_cast<uid_t>(-1)) return std::nullopt;
  groups->push_back(credentials.gid);
  return Peer{credentials.uid, std::move(*groups)};
}

Account account_of(std::uint32_t uid) {
  return {"uid:" + std::to_string(uid), "default"};
}

tl::expected<Account, Rejection> account_of(const Peer& peer, Role role, const ActorsConfig& actors) {
  const auto* actor = actor_with_uid(actors, peer.uid);
  if (actor == nullptr) {
    const auto of_groups = actors_with_group(actors, peer.groups);
    if (of_groups.empty()) return unknown_account(peer.uid, role, actors);
    if (of_groups.size() > 1) return tl::unexpected(ambiguous(*of_groups[0], *of_groups[1]));
    actor = of_groups.front();
  }
  if (!may_be(*actor, role)) return tl::unexpected(not_in_this_role(*actor, role));
  return Account{actor->name, actor->tenant};
}

bool may_use_socket(const Peer& peer, gid_t group) {
  if (peer.uid == overflow_uid) return false;
  if (peer.uid == 0) return true;
  return group != no_group && std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
}

}  // namespace cordon
