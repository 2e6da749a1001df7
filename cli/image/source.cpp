#include "cli/image/source.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "cli/failure.hpp"
#include "cli/image/layer.hpp"
#include "cli/terminal.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon::cli::image {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_json = 4 << 20, most_layers = 128;
constexpr const char* our_architecture = "amd64";

constexpr const char* let_everybody_read = "chmod -R go+rX the source, or import a tar of it";

// A regular file beneath `root`, through no link, or through such as do not lead out.
Fd open_beneath(int root, const std::string& path, std::uint64_t links = RESOLVE_NO_SYMLINKS) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | links;
  Fd fd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
  const int error = errno;
  struct stat it {};
  if (!fd)
    throw Failure(fmt::format("cannot open {}: {}", for_one_line(path), std::strerror(error)),
                  error == EACCES ? let_everybody_read : "");
  if (::fstat(fd.get(), &it) < 0 || !S_ISREG(it.st_mode)) throw Failure(for_one_line(path) + " is no regular file");
  return fd;
}

std::string hex_of(const std::array<unsigned char, crypto_hash_sha256_BYTES>& digest) {
  std::string text;
  for (const auto byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

std::string sha256_of(int fd) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::array<char, 1 << 16> buffer{};
  for (off_t at = 0;;) {
    const auto n = ::pread(fd, buffer.data(), buffer.size(), at);
    if (n < 0) throw Failure(fmt::format("cannot read: {}", std::strerror(errno)));
    if (n == 0) break;
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(buffer.data()),
                              static_cast<std::size_t>(n));
    at += n;
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256_final(&state, digest.data());
  return hex_of(digest);
}

// "sha256:" and 64 digits, as it stands in a descriptor.
std::string hex_in(const std::string& digest) {
  constexpr std::string_view algorithm = "sha256:";
  auto hex = digest.starts_with(algorithm) ? digest.substr(algorithm.size()) : "";
  if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != hex.npos)
    throw Failure("only sha256 digests are known: " + for_one_line(digest));
  return hex;
}

Fd open_blob(int layout, const std::string& digest) {
  const auto hex = hex_in(digest);
  auto blob = open_beneath(layout, "blobs/sha256/" + hex);
  const auto found = sha256_of(blob.get());
  if (found != hex) throw Failure(fmt::format("blobs/sha256/{} has the digest {}", hex, found));
  return blob;
}

Json json_in(int fd, const std::string& name) {
  std::string text(most_json + 1, '\0');
  const auto n = ::pread(fd, text.data(), text.size(), 0);
  if (n < 0 || static_cast<std::size_t>(n) > most_json) throw Failure(name + " is too long, or cannot be read");
  text.resize(static_cast<std::size_t>(n));
  auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Failure(name + " is not JSON");
  return json;
}

bool is_ours(const Json& descriptor) {
  const auto platform = descriptor.value("platform", Json::object());
  return platform.value("architecture", our_architecture) == our_architecture &&
         platform.value("os", "linux") == "linux";
}

// From the index to the manifest of our architecture, perhaps through another index.
std::string manifest_digest(int layout, const Json& index, int depth) {
  if (depth > 3) throw Failure("an index within an index within an index");
  std::vector<Json> fitting;
  for (const auto& descriptor : index.at("manifests"))
    if (is_ours(descriptor)) fitting.push_back(descriptor);
  if (fitting.size() != 1)
    throw Failure(fmt::format("{} manifests for linux/{}: one is needed", fitting.size(), our_architecture));
  const auto digest = fitting[0].at("digest").get<std::string>();
  const auto inner = json_in(open_blob(layout, digest).get(), digest);
  return inner.contains("manifests") ? manifest_digest(layout, inner, depth + 1) : digest;
}

Unpacked unpack_oci(int layout, Tree& tree, const Bounds& bounds) {
  const auto index = json_in(open_beneath(layout, "index.json").get(), "index.json");
  const auto digest = manifest_digest(layout, index, 0);
  const auto manifest = json_in(open_blob(layout, digest).get(), digest);
  const auto& layers = manifest.at("layers");
  if (layers.empty() || layers.size() > most_layers) throw Failure(fmt::format("{} layers", layers.size()));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto blob = open_blob(layout, layers[i].at("digest").get<std::string>());
    apply_layer(blob.get(), fmt::format("layer {}", i + 1), tree, bounds);
  }
  return {"oci", digest, layers.size()};
}

// `docker save` before version 25: no digests but those of the unpacked layers, in the image's configuration.
Unpacked unpack_docker(int folder, Tree& tree, const Bounds& bounds) {
  const auto manifest = json_in(open_beneath(folder, "manifest.json").get(), "manifest.json");
  if (manifest.size() != 1) throw Failure(fmt::format("{} images in manifest.json: one is needed", manifest.size()));
  const auto& layers = manifest.at(0).at("Layers");
  const auto config_name = manifest.at(0).at("Config").get<std::string>();
  const auto diffs = json_in(open_beneath(folder, config_name).get(), config_name).at("rootfs").at("diff_ids");
  if (layers.empty() || layers.size() > most_layers || diffs.size() != layers.size())
    throw Failure(fmt::format("{} layers and {} digests", layers.size(), diffs.size()));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto name = layers[i].get<std::string>();
    const auto layer = open_beneath(folder, name, RESOLVE_NO_MAGICLINKS);  // one that is there twice is a link
    if (sha256_of(layer.get()) != hex_in(diffs[i].get<std::string>()))
      throw Failure(for_one_line(name) + " has another digest");
    apply_layer(layer.get(), fmt::format("layer {}", i + 1), tree, bounds);
  }
  return {"docker", "", layers.size()};
}

bool has(int folder, const char* name) {
  return ::faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

std::optional<Unpacked> unpack_folder(int folder, Tree& tree, const Bounds& bounds) {
  if (has(folder, "oci-layout") && has(folder, "index.json")) return unpack_oci(folder, tree, bounds);
  if (has(folder, "manifest.json")) return unpack_docker(folder, tree, bounds);
  return std::nullopt;
}

void copy_file(int from, const std::string& path, unsigned mode, Tree& tree) {
  const Fd file(tree.file(path, mode));
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    const auto n = ::read(from, buffer.data(), buffer.size());
    if (n < 0) throw Failure(fmt::format("{}: cannot be read: {}", for_one_line(path), std::strerror(errno)));
    if (n == 0) return;
    tree.grow(static_cast<std::uint64_t>(n));
    if (::write(file.get(), buffer.data(), static_cast<std::size_t>(n)) != n)
      throw Failure("cannot write: is the disk full?");
  }
}

void copy_entry(int folder, const std::string& name, const std::string& path, Tree& tree, int depth);

void copy_folder(int folder, const std::string& path, Tree& tree, int depth) {
  if (depth > 128) throw Failure(for_one_line(path) + ": too deep");
  DIR* const directory = ::fdopendir(::fcntl(folder, F_DUPFD_CLOEXEC, 0));
  if (directory == nullptr) throw Failure(for_one_line(path) + ": cannot be read");
  std::vector<std::string> names;
  while (const auto* entry = ::readdir(directory)) names.emplace_back(entry->d_name);
  ::closedir(directory);
  for (const auto& name : names)
    if (name != "." && name != "..")
      copy_entry(folder, name, path.empty() ? name : fmt::format("{}/{}", path, name), tree, depth);
}

void copy_entry(int folder, const std::string& name, const std::string& path, Tree& tree, int depth) {
  struct stat it {};
  if (::fstatat(folder, name.c_str(), &it, AT_SYMLINK_NOFOLLOW) < 0)
    throw Failure(for_one_line(path) + ": cannot be read");
  if (S_ISLNK(it.st_mode)) {
    std::array<char, 4096> target{};
    const auto n = ::readlinkat(folder, name.c_str(), target.data(), target.size() - 1);
    return tree.symlink(path, n < 0 ? "" : target.data());
  }
  if (!S_ISREG(it.st_mode) && !S_ISDIR(it.st_mode)) return tree.note("devices, FIFOs and sockets left out");
  const Fd file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file) return tree.note("files left out that not everybody may read");
  if (S_ISREG(it.st_mode)) return copy_file(file.get(), path, it.st_mode & 07777, tree);
  tree.directory(path, it.st_mode & 07777);
  copy_folder(file.get(), path, tree, depth + 1);
}

bool is_layout(int archive, const Bounds& bounds) {
  bool found = false;
  list_names(archive, "the archive", bounds, [&](const std::string& path) {
    const auto name = normal_path(path);
    found = name == "oci-layout" || name == "manifest.json";
    return !found;
  });
  return found;
}

// The outer archive holds files with names of its own and no links: unpacked beside the tree, under the same bounds.
Unpacked unpack_archive(int source, int scratch, Tree& tree, const Bounds& bounds) {
  if (!is_layout(source, bounds)) {
    apply_layer(source, "the archive", tree, bounds);
    return {"rootfs", "", 1};
  }
  Tree outer(scratch, bounds);
  apply_layer(source, "the archive", outer, bounds);
  auto unpacked = unpack_folder(scratch, tree, bounds);
  if (!unpacked) throw Failure("an archive of an image without index.json and manifest.json");
  return *unpacked;
}

}  // namespace

Unpacked unpack_source(int source, int scratch, Tree& tree, const Bounds& bounds) {
  struct stat it {};
  if (::fstat(source, &it) < 0) throw Failure("the source cannot be looked at");
  try {
    if (!S_ISDIR(it.st_mode)) return unpack_archive(source, scratch, tree, bounds);
    if (::faccessat(source, ".", R_OK | X_OK, 0) < 0)
      throw Failure("a process without rights reads the source, and may not look into it", let_everybody_read);
    if (const auto unpacked = unpack_folder(source, tree, bounds)) return *unpacked;
    copy_folder(source, "", tree, 0);
    return {"rootfs", "", 1};
  } catch (const Json::exception&) {
    throw Failure("the image's index, manifest or configuration has another form than OCI's");
  }
}

}  // namespace cordon::cli::image
