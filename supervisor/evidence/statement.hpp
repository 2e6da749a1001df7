// What an entry of evidence is to tools of the supply chain: in-toto statements, DSSE envelopes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "supervisor/evidence/note.hpp"

namespace cordon {

inline constexpr const char* evidence_predicate = "urn:cordon:evidence:v1";

// Over all entries of one job: its subjects are what the job left (outputs and artifacts) by their digests. Throws
// Json::exception for what is no entry; unexpected: one is of another job.
tl::expected<std::string, std::string> job_statement(std::string_view job, const std::vector<std::string>& entries);

std::string dsse_envelope(std::string_view statement, const NoteSigner& signer);
// The statement, if this key has signed it; otherwise what is wrong.
tl::expected<std::string, std::string> open_dsse(std::string_view envelope, const NoteVerifier& verifier);

}  // namespace cordon
