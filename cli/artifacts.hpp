// A finished job's artifacts, saved beneath a directory. The job chose their names: no name leaves that directory.
#pragma once

#include <string>

#include "cli/client.hpp"

namespace cordon::cli {

void save_artifacts(const Client& client, const Json& job, const std::string& directory);

}  // namespace cordon::cli
