// Grants and contexts: what is asked for, as the API has it, and what is answered, for people. What a client named is
// made safe for a terminal. Pure.
#pragma once

#include <string>

#include "cli/commands.hpp"

namespace cordon::cli {

Json grant_request(const GrantOptions& options);  // only what was asked for; no secret

std::string grant_text(const Json& grant);         // one in full
std::string grants_table(const Json& grants);      // a line each
std::string contexts_table(const Json& contexts);  // likewise
std::string minted_text(const Json& minted);       // what stands beside a fresh secret
std::string revoked_text(const Json& done);
bool all_cut(const Json& done);  // nothing flows any more of the jobs that ran under it
int exit_code_of_revocation(
    const Json& done);  // 1 when a restart would not know of it, a flow may go on, or nothing is said

}  // namespace cordon::cli
