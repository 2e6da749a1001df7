#include "supervisor/ledger/peers.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "sandbox/kernel/check.hpp"

namespace cordon::ledger {

Fd listen_at(const std::string& path, unsigned mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw KernelError("listen at", path, ENAMETOOLONG, "use a shorter --runtime-dir (unix(7): 107 bytes)");
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "open a socket for", path));
  ::unlink(path.c_str());
  const auto before = ::umask(0177);
  check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind", path);
  ::umask(before);
  check(::chmod(path.c_str(), mode), "set the mode of", path);
  check(::listen(socket.get(), SOMAXCONN), "listen at", path);
  return socket;
}

std::optional<Fd> accept_from(int listener, std::uint32_t uid) {
  Fd peer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!peer) return std::nullopt;
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || who.uid != uid) return std::nullopt;
  return peer;
}

EvidenceRecord record_of(const witness::Started& started) {
  EvidenceRecord record{EvidenceKind::started, {}};
  EvidenceNumbers limits;
  for (const auto& field : limit_fields) limits[std::string(field.name)] = started.limits.*field.member;
  record.put("run", fmt::format("{:016x}", started.run)).put("job", started.job).put("image", started.image);
  record.put("profile_sha256", hex(started.profile)).put("filter_sha256", hex(started.filter));
  if (started.image_file != Sha256{}) record.put("image_sha256", hex(started.image_file));
  return record.put("limits", std::move(limits));
}

EvidenceRecord record_of(const witness::Ended& ended) {
  EvidenceRecord record{EvidenceKind::ended, {}};
  EvidenceNumbers usage{{"wall_us", ended.usage.wall_us}, {"cpu_us", ended.usage.cpu_us}};
  if (ended.usage.memory_peak_bytes) usage["memory_peak_bytes"] = *ended.usage.memory_peak_bytes;
  if (ended.usage.pids_peak) usage["pids_peak"] = *ended.usage.pids_peak;
  if (ended.usage.scratch_files) usage["scratch_files"] = *ended.usage.scratch_files;
  if (ended.usage.scratch_bytes) usage["scratch_bytes"] = *ended.usage.scratch_bytes;
  record.put("run", fmt::format("{:016x}", ended.run)).put("job", ended.job);
  record.put("ending", std::string(witness::ending_name(ended.ending))).put("code", std::uint64_t{ended.code});
  return record.put("usage", std::move(usage));
}

}  // namespace cordon::ledger
