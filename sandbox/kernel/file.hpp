// Small kernel files (cgroupfs, procfs) and directories, by directory fd.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/kernel/fd.hpp"

namespace cordon {

Fd open_directory(int at, const std::string& path);  // O_PATH is not enough for reading names, so O_RDONLY
Fd open_directory(const std::string& path);

std::string read_file(int at, const std::string& path);  // whole; throws when it cannot be opened
std::string read_file(const std::string& path);
std::optional<std::string> read_file_if_there(int at, const std::string& path);  // nullopt on ENOENT
std::string read_again(const Fd& file, const std::string& path);                 // as it is now, from its beginning

void write_file(int at, const std::string& path, std::string_view text);  // one write(2), as kernel files want it
void write_file(const std::string& path, std::string_view text);
// What the kernel says is there once `text` is written.
std::string write_and_read_back(int at, const std::string& path, std::string_view text);

// flock(2), exclusive, of `fd`; false: somebody else has it still. A process that was killed may be about to end.
bool lock_within(int fd, std::chrono::milliseconds patience);

std::uint64_t parse_number(std::string_view text);  // leading decimal digits; 2^64−1 for "max"
// The number behind `key ` in a "key value" file such as memory.events; nullopt when the key is not there.
std::optional<std::uint64_t> find_value(std::string_view text, std::string_view key);

}  // namespace cordon
