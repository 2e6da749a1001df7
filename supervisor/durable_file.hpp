// Small files of cordond's that are replaced as a whole, and survive a loss of power.
#pragma once

#include <string>
#include <string_view>

namespace cordon {

// Returns once it would: a new file, fsync, rename, fsync of the directory. Throws KernelError.
void replace_durably(const std::string& path, std::string_view bytes);

}  // namespace cordon
