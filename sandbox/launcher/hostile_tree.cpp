#include "sandbox/launcher/hostile_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sodium/crypto_hash_sha256.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "sandbox/kernel/check.hpp"

namespace cordon {

namespace {

constexpr std::size_t max_entries = 65536;  // of one directory; and of all, times four

}  // namespace

// RESOLVE_NO_XDEV and the rest: an entry is what it is here, or it is not opened (openat2(2)).
Fd open_beneath(int directory, const std::string& name, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how)));
}

std::vector<std::string> names_in(const Fd& directory, const std::string& path, EntryBudget& budget,
                                  const std::function<bool(const std::string&, bool)>& is_wanted) {
  std::vector<std::string> found;
  const int copy = check(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0), "duplicate a descriptor");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  if (!stream) check(-1, "read directory", path);
  for (;;) {
    errno = 0;  // an end and a failure are told apart by it alone (readdir(3))
    const auto* entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) check(-1, "read directory", path);
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (!is_wanted(name, entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)) continue;
    if (found.size() == max_entries || ++budget.taken > 4 * max_entries) {
      budget.is_spent = true;
      break;
    }
    found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

artifacts::FileEnd read_and_hash(const Fd& file, const std::string& path, std::uint64_t size,
                                 const std::function<void(std::string_view)>& take) {
  static std::array<char, artifacts::max_chunk> chunk;
  crypto_hash_sha256_state hash;
  crypto_hash_sha256_init(&hash);
  artifacts::FileEnd end;
  while (end.size < size) {
    const auto want = std::min<std::uint64_t>(chunk.size(), size - end.size);
    const auto n = static_cast<std::size_t>(check(::read(file.get(), chunk.data(), want), "read", path));
    if (n == 0) break;
    crypto_hash_sha256_update(&hash, reinterpret_cast<const unsigned char*>(chunk.data()), n);
    take({chunk.data(), n});
    end.size += n;
  }
  crypto_hash_sha256_final(&hash, end.sha256.data());
  return end;
}

void FrameWriter::send(const artifacts::Frame& frame) {
  const auto bytes = encode(frame);
  std::string_view left = bytes;
  while (!left.empty()) {
    const auto n = check(::write(out_, left.data(), left.size()), "write to the artifacts pipe");
    left.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace cordon
