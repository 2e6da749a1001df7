// What of a job goes on the record: when it was let in, and when it has ended. Digests of what it was given and of what
// it left, never the bytes. Pure.
#pragma once

#include <string_view>

#include "profiles/sha256.hpp"
#include "supervisor/evidence/record.hpp"
#include "supervisor/jobs/job.hpp"

namespace cordon {

bool is_quick(std::uint64_t bytes_to_hash);  // enough to be done on the event loop

// Of the configuration's labels, those whose values are kept out ("evidence": {"redact": […]}).
using RedactedLabels = std::vector<std::string>;

// `action`: authority/action.hpp.
EvidenceRecord decision_record(const Job& job, const Sha256& action, const Config& config);

struct OutputDigests {
  Sha256 out{}, err{};
};
EvidenceRecord outcome_record(const Job& job, const OutputDigests& outputs, const RedactedLabels& redacted);

// A decision that was said and had no effect: the client was refused.
EvidenceRecord withdrawn_record(const std::string& job, std::string_view why);
// How a former cordond's job ended, as far as this one knows.
EvidenceRecord lost_record(const std::string& job, const Account& account, const std::string& reason);

}  // namespace cordon
