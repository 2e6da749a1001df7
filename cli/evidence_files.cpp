#include "cli/evidence_files.hpp"

#include <fstream>
#include <sstream>

#include "sandbox/stop_all.hpp"

namespace cordon::cli {

std::string evidence_directory(const Session& session, const std::string& told) {
  if (!told.empty()) return told;
  try {
    return read_launcher_file(session.runtime_dir).state_dir + "/ledger";
  } catch (const std::exception& e) {
    throw Failure(e.what(),
                  "--dir DIRECTORY: where the ledger has its files, /var/lib/cordon/ledger when it is installed");
  }
}

std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw Failure("cannot read " + path);
  return text.str();
}

std::optional<NoteVerifier> read_verifier(const std::string& file) {
  if (file.empty()) return std::nullopt;
  auto key = NoteVerifier::parse(read_text_file(file));
  if (!key) throw Failure(file + " is no key of a ledger", "cordon evidence checkpoint --key prints it");
  return key;
}

}  // namespace cordon::cli
