// Small files of the ledger's directory, replaced as a whole or not at all. Runs in: cordon-ledger.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/kernel/check.hpp"

namespace cordon::ledger {

// By rename(2) of one that is on the disk.
void replace_file(const std::string& path, std::string_view text, mode_t mode);

std::vector<std::string> read_lines(const std::string& path);  // none when there is no such file

KernelError no_room(const char* step, const std::string& path, int error);

}  // namespace cordon::ledger
