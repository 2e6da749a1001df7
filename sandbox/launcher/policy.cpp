#include "sandbox/launcher/policy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include "profiles/egress_wire.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/launcher/filter.hpp"
#include "sandbox/launcher/own_filters.hpp"

namespace cordon {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& file, const FieldErrors& errors) {
  const auto& first = errors.front();
  throw KernelError("load", file + (first.pointer.empty() ? "" : " at " + first.pointer) + ": " + first.detail, 0,
                    "cordon profile check FILE explains");
}

Config read_config(const std::string& path) {
  const auto text = read_file_if_there(AT_FDCWD, path);
  if (!text) return {};
  auto config = parse_config(*text);
  if (!config) refuse(path, config.error());
  return *config;
}

std::vector<std::string> variables(const std::map<std::string, std::string>& env) {
  std::vector<std::string> list;
  for (const auto& [name, value] : env) list.emplace_back(name).append("=").append(value);
  return list;
}

CompiledProfile compile(const fs::path& file) {
  auto beside = [&](std::string_view name) { return read_file_if_there(AT_FDCWD, file.parent_path() / name); };
  const auto profile = parse_profile(file.stem().string(), read_file(file), beside);
  if (!profile) refuse(file, profile.error());
  auto filter = compile_filter(profile->seccomp);
  auto notes = profile->seccomp.left_out;
  for (const auto& name : filter.unknown_calls) notes.push_back("libseccomp knows no call " + name + ": it is refused");
  notes.insert(notes.end(), filter.narrowed.begin(), filter.narrowed.end());
  return {profile->name,
          profile->digest,
          profile->ceiling,
          profile->defaults,
          variables(profile->env),
          profile->prestart,
          profile->egress,
          profile->collect,
          profile->root_inside,
          profile->landlock_min_abi,
          filter.bpf,
          filter.recording,
          filter.sha256,
          notes};
}

bool is_profile(const fs::path& file) {
  const auto name = file.filename().string();
  return name.ends_with(".json") && !name.ends_with(".seccomp.json") && !name.starts_with(".");
}

// The same name in a later directory replaces an earlier one.
std::vector<CompiledProfile> compile_all(const Config& config) {
  std::map<std::string, fs::path> files;
  for (const auto& directory : config.profile_dirs) {
    if (!fs::is_directory(directory)) continue;
    for (const auto& entry : fs::directory_iterator(directory))
      if (is_profile(entry.path())) files[entry.path().stem().string()] = entry.path();
  }
  if (files.empty()) throw KernelError("load profiles", "none found in profile_dirs", ENOENT, "install profiles/data");
  std::vector<CompiledProfile> profiles;
  profiles.reserve(files.size());
  for (const auto& [name, file] : files) profiles.push_back(compile(file));
  return profiles;
}

void write_digest(wire::Writer& w, const Sha256& digest) {
  w.raw({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Sha256 read_digest(wire::Reader& r) {
  Sha256 digest{};
  const auto bytes = r.raw(digest.size());
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

wire::Bytes encode_policy(const Policy& policy) {
  wire::Writer w;
  w.string({});  // no error
  w.u32(static_cast<std::uint32_t>(policy.profiles.size()));
  for (const auto& p : policy.profiles) {
    w.string(p.name);
    write_digest(w, p.digest);
    for (const auto* limits : {&p.ceiling, &p.defaults})
      for (const auto& field : limit_fields) w.u64(limits->*field.member);
    w.strings(p.env);
    w.u32(static_cast<std::uint32_t>(p.prestart.size()));
    for (const auto& [language, prestart] : p.prestart) {
      w.string(language);
      w.strings(prestart.imports);
    }
    wire::write_egress(w, p.egress);
    w.u64(p.collect.files);
    w.u64(p.collect.bytes);
    w.u8(p.root_inside ? 1 : 0);
    w.u32(p.landlock_min_abi);
    w.string(p.refusals);
    w.string(p.filter);
    write_digest(w, p.filter_digest);
    w.strings(p.notes);
  }
  w.string(policy.collector_filter);
  w.string(policy.init_filter);
  w.strings(policy.call_names);
  return w.take();
}

void decode_policy(std::string_view bytes, Policy& policy) {
  constexpr std::size_t max_text = 1 << 20;
  wire::Reader r(bytes);
  const std::string error(r.string(max_text));
  if (!error.empty()) throw KernelError(error, "", 0);
  const auto n = r.count(1000);
  for (std::uint32_t i = 0; i < n && r.good(); ++i) {
    CompiledProfile p;
    p.name = r.string(max_text);
    p.digest = read_digest(r);
    for (auto* limits : {&p.ceiling, &p.defaults})
      for (const auto& field : limit_fields) limits->*field.member = r.u64();
    p.env = r.strings(max_text, max_text);
    const auto prestarts = r.count(prestart_names.size());
    for (std::uint32_t k = 0; k < prestarts && r.good(); ++k) {
      const std::string language(r.string(max_text));
      p.prestart[language].imports = r.strings(max_text, max_text);
    }
    p.egress = wire::read_egress(r);
    p.collect.files = r.u64();
    p.collect.bytes = r.u64();
    p.root_inside = r.u8() == 1;
    p.landlock_min_abi = r.u32();
    p.refusals = r.string(max_text);
    p.filter = r.string(max_text);
    p.filter_digest = read_digest(r);
    p.notes = r.strings(max_text, max_text);
    policy.profiles.push_back(std::move(p));
  }
  policy.collector_filter = r.string(max_text);
  policy.init_filter = r.string(max_text);
  policy.call_names = r.strings(max_text, max_text);
  if (!r.finished()) throw KernelError("load profiles", "the compile child ended without an answer", 0);
}

// The child's whole life: JSON in, blobs or an error out.
void compile_into(int memfd, const Config& config) {
  wire::Bytes answer;
  try {
    answer = encode_policy({config, compile_all(config), compile_filter(collector_calls()).bpf,
                            compile_filter(init_calls()).bpf, call_names()});
  } catch (const std::exception& e) {
    wire::Writer w;
    w.string(e.what());
    answer = w.take();
  }
  std::string_view left = answer;
  while (!left.empty()) {
    const auto n = ::write(memfd, left.data(), left.size());
    if (n <= 0) break;
    left.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

const CompiledProfile* Policy::find(const Sha256& digest) const {
  const auto found = std::find_if(profiles.begin(), profiles.end(), [&](const auto& p) { return p.digest == digest; });
  return found == profiles.end() ? nullptr : &*found;
}

Policy load_policy(const std::string& config_file) {
  Policy policy;
  policy.config = read_config(config_file);
  const Fd memfd(check(::memfd_create("cordon-policy", MFD_CLOEXEC), "create a memfd"));
  const auto child = check(::fork(), "fork the compile child");
  if (child == 0) {
    compile_into(memfd.get(), policy.config);
    ::_exit(0);
  }
  int status = 0;
  check(::waitpid(child, &status, 0), "wait for the compile child");
  check(::lseek(memfd.get(), 0, SEEK_SET), "rewind");
  decode_policy(read_file("/proc/self/fd/" + std::to_string(memfd.get())), policy);
  for (const auto& profile : policy.profiles)
    for (const auto& note : profile.notes) fmt::print(stderr, "cordon-launcher: profile {}: {}\n", profile.name, note);
  return policy;
}

}  // namespace cordon
