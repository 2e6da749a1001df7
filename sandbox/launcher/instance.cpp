#include "sandbox/launcher/instance.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/launcher/accounts.hpp"

namespace cordon {

namespace {

constexpr std::uint32_t first_private_id = 1879048192, block_size = 4096, blocks = 1024;
constexpr std::uint32_t reserved_ids = 16;  // of a block, for what is not a job
constexpr const char* lock_directory = "/run/lock/cordon-ids";
constexpr std::chrono::seconds dying_patience{15};  // with the sandboxes of a launcher that was killed, on a busy host

// Read back: without CAP_FSETID chmod(2) leaves out set-group-ID, and says nothing of it.
Fd make_owned_directory(const std::string& path, mode_t mode, std::uint32_t uid, std::uint32_t gid) {
  if (::mkdir(path.c_str(), mode) < 0 && errno != EEXIST) check(-1, "make directory", path);
  Fd fd(check(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), "open directory", path));
  check(::fchown(fd.get(), uid, gid), "set the owner of", path);
  check(::fchmod(fd.get(), mode), "set the mode of", path);
  struct stat made {};
  check(::fstat(fd.get(), &made), "look at", path);
  if ((made.st_mode & 07777) != mode || made.st_uid != uid || made.st_gid != gid)
    throw KernelError("read back the owner and mode of", path, ENOTRECOVERABLE,
                      "the launcher's unit must leave it CAP_CHOWN, CAP_FOWNER and CAP_FSETID");
  return fd;
}

Fd open_lock(std::uint32_t block) {
  const auto directory = make_owned_directory(lock_directory, 0700, 0, 0);
  const auto name = std::to_string(block);
  return Fd(check(::openat(directory.get(), name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600),
                  "open id lock", name));
}

Instance instance_of(std::uint32_t block, Fd lock, bool evidence) {
  const auto base = first_private_id + block * block_size;
  const auto egress = base + 2;
  Instance instance{"p" + std::to_string(block),
                    base,
                    base,
                    base + 3,
                    base + 4,
                    {},
                    {},
                    egress,
                    egress,
                    base + reserved_ids,
                    block_size - reserved_ids,
                    std::move(lock)};
  if (evidence) instance.ledger_uid = instance.ledger_gid = base + 1;
  return instance;
}

// The block whose ids own what an earlier launcher has left in this state directory.
std::optional<std::uint32_t> block_before(const std::string& state) {
  struct stat daemon {};
  if (::stat((state + "/daemon").c_str(), &daemon) < 0) return std::nullopt;
  const auto offset = daemon.st_uid - first_private_id;
  if (daemon.st_uid < first_private_id || offset % block_size != 0 || offset / block_size >= blocks)
    return std::nullopt;
  return offset / block_size;
}

}  // namespace

Instance installed_instance(const Config& config) {
  const auto daemon = find_user(config.daemon_user);
  Instance instance;
  instance.name = "system";
  instance.daemon_uid = daemon.uid;
  instance.daemon_gid = daemon.gid;
  instance.agent_gid = find_group(config.agent_group);
  instance.operator_gid = find_group(config.operator_group);
  if (const auto egress = find_user_if_there(config.egress.user)) {
    instance.egress_uid = egress->uid;
    instance.egress_gid = egress->gid;
  }
  if (config.evidence.on) {
    const auto ledger = find_user(config.ledger_user);
    instance.ledger_uid = ledger.uid;
    instance.ledger_gid = ledger.gid;
  }
  instance.first_uid = config.first_uid;
  instance.uid_count = config.uid_count;
  return instance;
}

Instance private_instance(const std::string& state, bool evidence) {
  if (const auto before = block_before(state)) {
    auto lock = open_lock(*before);
    if (lock_within(lock.get(), dying_patience)) return instance_of(*before, std::move(lock), evidence);
    throw KernelError("lease again the ids that own", state + "/daemon", EAGAIN,
                      "another private instance has them: stop it, or use another --state-dir");
  }
  for (std::uint32_t block = 0; block < blocks; ++block) {
    auto lock = open_lock(block);
    if (lock_within(lock.get(), std::chrono::milliseconds(0))) return instance_of(block, std::move(lock), evidence);
  }
  throw KernelError("lease a block of ids under", lock_directory, EAGAIN, "stop a private instance");
}

void prepare_directories(const Instance& instance, const std::string& runtime, const std::string& state) {
  // Sticky: the daemon makes its sockets here, and cannot replace what root made.
  make_owned_directory(runtime, 01775, 0, instance.daemon_gid);
  make_owned_directory(state, 0755, 0, 0);
  make_owned_directory(state + "/daemon", 0700, instance.daemon_uid, instance.daemon_gid);
  if (!instance.ledger_uid) return;
  make_owned_directory(runtime + "/ledger", 0755, *instance.ledger_uid, *instance.ledger_gid);
  // What it makes there is for operators to read.
  make_owned_directory(state + "/ledger", 02750, *instance.ledger_uid, instance.operator_gid);
}

void write_instance_file(const Instance& instance, const std::string& runtime) {
  const auto path = runtime + "/instance.env";
  ::unlink(path.c_str());
  const Fd fd(check(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644), "create", path));
  const auto text = fmt::format(
      "INSTANCE={}\nDAEMON_UID={}\nDAEMON_GID={}\nAGENT_GID={}\nOPERATOR_GID={}\nEGRESS_UID={}\nEGRESS_GID={}\nFIRST_"
      "UID={}\nUID_COUNT={}\n{}",
      instance.name, instance.daemon_uid, instance.daemon_gid, instance.agent_gid, instance.operator_gid,
      instance.egress_uid, instance.egress_gid, instance.first_uid, instance.uid_count,
      instance.ledger_uid ? fmt::format("LEDGER_UID={}\nLEDGER_GID={}\n", *instance.ledger_uid, *instance.ledger_gid)
                          : "");
  check(::write(fd.get(), text.data(), text.size()), "write", path);
}

}  // namespace cordon
