// Where the evidence is, and what of it stands in files that are kept elsewhere.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/failure.hpp"
#include "cli/session.hpp"
#include "sandbox/kernel/fd.hpp"
#include "supervisor/evidence/note.hpp"

namespace cordon::cli {

// As told; otherwise that of the instance, as its launcher has written it down.
std::string evidence_directory(const Session& session, const std::string& told);

std::string read_text_file(const std::string& path);                 // Failure when it cannot be read
std::optional<NoteVerifier> read_verifier(const std::string& file);  // nullopt: no file was named

// Comes back when the ledger has signed anew in that directory since this was made, or since the last time.
class Signatures {
 public:
  explicit Signatures(const std::string& directory);
  bool wait(std::chrono::steady_clock::time_point deadline) const;  // false: not by then

 private:
  Fd watch_;
};

// What fails in the system becomes a Failure.
template <typename Call>
auto or_failure(Call call) {
  try {
    return call();
  } catch (const Failure&) {
    throw;
  } catch (const std::exception& e) {
    throw Failure(e.what());
  }
}

}  // namespace cordon::cli
