#include "sandbox/payload.hpp"

namespace cordon {

namespace {

constexpr std::uint32_t payload_version = 1;
constexpr std::uint32_t max_environment = 4096;

// Calls `each` for every component; false as soon as one is empty or `each` says no.
template <typename Each>
bool every_component(std::string_view path, Each each) {
  for (;;) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part.empty() || part.size() > 255 || !each(part)) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool has_nul(std::string_view s) {
  return s.find('\0') != std::string_view::npos;
}

bool are_arguments(const std::vector<std::string>& list) {
  for (const auto& s : list)
    if (has_nul(s)) return false;
  return true;
}

bool are_variables(const std::vector<std::string>& env) {
  for (const auto& s : env)
    if (has_nul(s) || s.find('=') == std::string::npos || s[0] == '=') return false;
  return true;
}

}  // namespace

bool is_workspace_path(std::string_view path) {
  return !path.empty() && path.size() <= max_path && !has_nul(path) &&
         every_component(path, [](std::string_view part) { return part != "." && part != ".."; });
}

wire::Bytes encode_payload_head(const Payload& payload) {
  wire::Writer w;
  w.u32(payload_version);
  w.strings(payload.argv);
  w.strings(payload.env);
  w.string(payload.cwd);
  w.u32(static_cast<std::uint32_t>(payload.files.size()));
  for (const auto& file : payload.files) {
    w.string(file.path);
    w.u32(file.mode);
    w.u64(file.content.size());
  }
  return w.take();
}

wire::Bytes encode(const Payload& payload) {
  auto out = encode_payload_head(payload);
  for (const auto& file : payload.files) out.append(file.content);
  return out;
}

std::optional<Payload> decode_payload(std::string_view bytes) {
  wire::Reader r(bytes);
  if (r.u32() != payload_version) return std::nullopt;
  Payload p;
  p.argv = r.strings(max_arguments, max_argument_bytes);
  p.env = r.strings(max_environment, max_argument_bytes);
  p.cwd = r.string(max_path);
  const auto files = r.count(max_files, 16);
  std::vector<std::uint64_t> sizes;
  for (std::uint32_t i = 0; i < files && r.good(); ++i) {
    PayloadFile file;
    file.path = r.string(max_path);
    file.mode = r.u32();
    sizes.push_back(r.u64());
    if (!is_workspace_path(file.path) || (file.mode & ~0777U) != 0) return std::nullopt;
    p.files.push_back(std::move(file));
  }
  if (!r.good()) return std::nullopt;
  for (std::uint32_t i = 0; i < files; ++i) p.files[i].content = r.raw(sizes[i]);
  if (!r.finished() || p.argv.empty() || p.argv[0].empty()) return std::nullopt;
  if (!are_arguments(p.argv) || !are_variables(p.env)) return std::nullopt;
  if (p.cwd != "." && !is_workspace_path(p.cwd)) return std::nullopt;
  return p;
}

wire::Bytes encode_globs(const std::vector<std::string>& globs) {
  wire::Writer w;
  w.strings(globs);
  return w.take();
}

std::optional<std::vector<std::string>> decode_globs(std::string_view bytes) {
  wire::Reader r(bytes);
  auto globs = r.strings(max_globs, max_path);
  if (!r.finished()) return std::nullopt;
  for (const auto& glob : globs)
    if (!is_workspace_path(glob)) return std::nullopt;
  return globs;
}

}  // namespace cordon
