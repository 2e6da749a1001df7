// What the client wrote and only cordon-init reads, inside the sandbox and without rights: argv, env, cwd and files.
// Rides in a sealed memfd. The file bodies are views into the mapped memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/codec.hpp"

namespace cordon {

struct PayloadFile {
  std::string path;           // relative, no "..", no empty or "." component; parents are made
  std::uint32_t mode = 0644;  // permission bits only
  std::string_view content;
};

struct Payload {
  std::vector<std::string> argv;  // at least one, argv[0] not empty
  std::vector<std::string> env;   // "NAME=value"
  std::string cwd;                // relative to /work; "." is /work itself
  std::vector<PayloadFile> files;
};

inline constexpr std::size_t max_arguments = 4096;
inline constexpr std::size_t max_argument_bytes = 128 * 1024 - 1;  // MAX_ARG_STRLEN of the kernel, execve(2)
inline constexpr std::size_t max_files = 4096;
inline constexpr std::size_t max_path = 4095;
inline constexpr std::size_t max_globs = 64;

bool is_workspace_path(std::string_view path);  // relative, stays inside, components of 1..255 bytes, no NUL

// Written in pieces, so that file bodies need not be copied: the head, then each file's bytes in order.
wire::Bytes encode_payload_head(const Payload& payload);
wire::Bytes encode(const Payload& payload);  // head and bodies in one
std::optional<Payload> decode_payload(std::string_view bytes);

// Globs: a list of relative patterns; components are matched by fnmatch(3), "**" matches any number of directories.
wire::Bytes encode_globs(const std::vector<std::string>& globs);
std::optional<std::vector<std::string>> decode_globs(std::string_view bytes);

}  // namespace cordon
