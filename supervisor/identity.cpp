#include "supervisor/identity.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace cordon {
namespace {

constexpr uid_t overflow_uid = 65534;
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

bool may_use_socket(const Peer& peer, gid_t group) {
  if (peer.uid == overflow_uid) return false;
  if (peer.uid == 0) return true;
  return group != no_group && std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
}

}  // namespace cordon
