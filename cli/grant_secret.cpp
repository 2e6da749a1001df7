#include "cli/grant_secret.hpp"

#include <cstdlib>
#include <fstream>

#include "cli/failure.hpp"

namespace cordon::cli {

std::string grant_secret_if_any(const std::string& file) {
  std::string secret;
  if (file.empty()) {
    const char* variable = std::getenv("CORDON_GRANT");  // NOLINT(concurrency-mt-unsafe): there is one thread
    return variable == nullptr ? "" : variable;
  }
  std::ifstream in(file);
  if (!(in >> secret)) throw Failure("no secret of a grant in " + file);
  return secret;
}

std::string grant_secret(const std::string& file) {
  auto secret = grant_secret_if_any(file);
  if (secret.empty()) throw Failure("no grant", "--grant-file FILE, or its secret in CORDON_GRANT");
  return secret;
}

}  // namespace cordon::cli
