// A grant's secret: from a file or from the environment, never from the command line, which everybody can read.
#pragma once

#include <string>

namespace cordon::cli {

std::string grant_secret_if_any(const std::string& file);  // no file: CORDON_GRANT; empty: there is none
std::string grant_secret(const std::string& file);         // Failure when there is none

}  // namespace cordon::cli
