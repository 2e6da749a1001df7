#include "sandbox/prestart/payload_view.hpp"

namespace cordon::prestart {

namespace {

// Those of payload.hpp, which needs the C++ run-time; a unit test holds the two against each other.
constexpr std::uint32_t version = 1;
constexpr std::size_t max_strings = 4096, max_string = 128 * 1024 - 1, max_files = 4096, max_path = 4095;

bool has_nul(std::string_view s) {
  return s.find('\0') != std::string_view::npos;
}

bool is_component(std::string_view part) {
  return !part.empty() && part.size() <= 255 && part != "." && part != "..";
}

bool is_workspace_path(std::string_view path) {
  if (path.empty() || path.size() > max_path || has_nul(path)) return false;
  for (;;) {
    const auto slash = path.find('/');
    const auto is_last = slash == std::string_view::npos;
    if (!is_component({path.data(), is_last ? path.size() : slash})) return false;
    if (is_last) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_variable(std::string_view s) {
  return s.find('=') != std::string_view::npos && s[0] != '=';
}

Array<std::string_view> read_strings(wire::Reader& r) {
  Array<std::string_view> list(r.count(max_strings, 4));
  if (!list.allocated()) return r.bad(), Array<std::string_view>();
  for (auto& s : list.items()) {
    s = r.string(max_string);
    if (has_nul(s)) r.bad();
  }
  return list;
}

// Sizes first: the bodies follow behind the last head.
void read_files(wire::Reader& r, Array<FileView>& files) {
  const auto count = r.count(max_files, 16);
  files = Array<FileView>(count);
  Array<std::uint64_t> sizes(count);
  if (!files.allocated() || !sizes.allocated()) return r.bad();
  for (std::size_t i = 0; i < count; ++i) {
    auto& file = files.data()[i];
    file.path = r.string(max_path);
    file.mode = r.u32();
    sizes.data()[i] = r.u64();
    if (!is_workspace_path(file.path) || (file.mode & ~0777U) != 0) return r.bad();
  }
  for (std::size_t i = 0; i < count; ++i) files.data()[i].content = r.raw(sizes.data()[i]);
}

}  // namespace

bool decode(std::string_view bytes, PayloadView& payload) {
  wire::Reader r(bytes);
  if (r.u32() != version) return false;
  payload.argv = read_strings(r);
  payload.env = read_strings(r);
  payload.cwd = r.string(max_path);
  read_files(r, payload.files);
  if (!r.finished()) return false;
  for (const auto variable : payload.env.items())
    if (!is_variable(variable)) return false;
  const auto argv = payload.argv.items();
  return !argv.empty() && !argv[0].empty() && (payload.cwd == "." || is_workspace_path(payload.cwd));
}

}  // namespace cordon::prestart
