#include "supervisor/tools/tool_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "profiles/egress_narrow.hpp"
#include "profiles/limits_json.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t longest_definition = std::size_t{256} << 10;

Fd open_beneath(const std::string& root, const std::string& path, std::uint64_t flags) {
  const Fd top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top) return Fd();
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, top.get(), path.c_str(), &how, sizeof how)));
}

// Empty: nobody but the owner, or root, can write it.
std::string why_not_trusted(const struct stat& st, uid_t owner) {
  if (st.st_uid != 0 && st.st_uid != owner) return "belongs to uid " + std::to_string(st.st_uid) + ", not to root";
  if ((st.st_mode & 022) != 0) return "may be written by its group or by others";
  return {};
}

tl::expected<std::string, std::string> read_all(const Fd& file, std::size_t most) {
  std::string out;
  std::array<char, 65536> chunk{};
  for (;;) {
    const auto n = ::read(file.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return tl::unexpected(std::string(std::strerror(errno)));
    if (n == 0) return out;
    out.append(chunk.data(), static_cast<std::size_t>(n));
    if (out.size() > most) return tl::unexpected("has more than " + std::to_string(most) + " bytes");
  }
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

tl::expected<std::set<std::string>, ToolFault> definitions_in(const std::string& dir, uid_t owner) {
  struct stat st {};
  if (::stat(dir.c_str(), &st) < 0) {
    if (errno == ENOENT) return std::set<std::string>{};
    return tl::unexpected(ToolFault{dir, {{"", std::strerror(errno)}}});
  }
  if (auto why = why_not_trusted(st, owner); !why.empty())
    return tl::unexpected(ToolFault{dir, {{"", std::move(why)}}});
  std::set<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    const auto name = entry.path().filename().string();
    if (entry.path().extension() == ".json" && !name.starts_with('.')) files.insert(name);
  }
  if (error) return tl::unexpected(ToolFault{dir, {{"", error.message()}}});
  return files;
}

// What a definition says of the rest of the configuration.
tl::expected<LoadedToolPtr, FieldErrors> place(Tool tool, const std::string& dir, const Config& config,
                                               const std::map<std::string, Profile>& profiles) {
  const auto profile = profiles.find(tool.profile);
  if (profile == profiles.end()) return tl::unexpected(FieldErrors{{"/profile", "there is no profile of this name"}});
  const auto image = config.images.find(tool.image);
  if (image == config.images.end()) return tl::unexpected(FieldErrors{{"/image", "there is no image of this name"}});
  const auto limits = apply_limits(tool.limits, "/limits", profile->second.ceiling, profile->second.defaults);
  if (!limits) return tl::unexpected(limits.error());
  auto egress = profile->second.egress;
  if (tool.egress) {
    auto narrowed = narrow_egress(egress, *tool.egress, "/egress");
    if (!narrowed) return tl::unexpected(narrowed.error());
    egress = std::move(*narrowed);
  }
  auto loaded = std::make_shared<LoadedTool>();
  loaded->tool = std::move(tool);
  loaded->directory = dir;
  loaded->image = image->second;
  loaded->limits = *limits;
  loaded->egress = std::move(egress);
  return loaded;
}

tl::expected<LoadedToolPtr, FieldErrors> load_tool(const std::string& dir, const std::string& name,
                                                   const Config& config, const std::map<std::string, Profile>& profiles,
                                                   uid_t owner) {
  const auto text = read_trusted(dir, name, owner, longest_definition);
  if (!text) return tl::unexpected(FieldErrors{{"", text.error()}});
  auto tool = parse_tool(fs::path(name).stem().string(), *text);
  if (!tool) return tl::unexpected(tool.error());
  return place(std::move(*tool), dir, config, profiles);
}

}  // namespace

tl::expected<std::string, std::string> read_trusted(const std::string& root, const std::string& path, uid_t owner,
                                                    std::size_t most) {
  const auto file = open_beneath(root, path, O_RDONLY | O_NONBLOCK);
  if (!file) return tl::unexpected(std::string(std::strerror(errno)));
  struct stat st {};
  if (::fstat(file.get(), &st) < 0) return tl::unexpected(std::string(std::strerror(errno)));
  if (!S_ISREG(st.st_mode)) return tl::unexpected(std::string("is no file"));
  if (auto why = why_not_trusted(st, owner); !why.empty()) return tl::unexpected(std::move(why));
  return read_all(file, most);
}

std::optional<FileIdentity> identity_of(const std::string& root, const std::string& path) {
  const auto file = open_beneath(root, path, O_PATH);
  struct stat st {};
  if (!file || ::fstat(file.get(), &st) < 0) return std::nullopt;
  return FileIdentity{st.st_dev, st.st_ino, st.st_size, nanoseconds(st.st_mtim), nanoseconds(st.st_ctim)};
}

tl::expected<LoadedTools, ToolFault> load_tools(const Config& config, const std::map<std::string, Profile>& profiles,
                                                uid_t owner) {
  LoadedTools tools;
  for (const auto& dir : config.tool_dirs) {
    const auto names = definitions_in(dir, owner);
    if (!names) return tl::unexpected(names.error());
    for (const auto& name : *names) {
      auto tool = load_tool(dir, name, config, profiles, owner);
      if (!tool) return tl::unexpected(ToolFault{fmt::format("{}/{}", dir, name), tool.error()});
      tools.insert_or_assign((*tool)->tool.name, *tool);
    }
  }
  for (const auto& [name, loaded] : tools) {
    const auto& compensation = loaded->tool.compensation;
    if (!compensation || tools.contains(compensation->tool)) continue;
    return tl::unexpected(
        ToolFault{loaded->directory + "/" + name + ".json", {{"/compensation/tool", "there is no tool of this name"}}});
  }
  return tools;
}

}  // namespace cordon
