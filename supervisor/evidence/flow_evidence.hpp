// What stays on the record of a job's flows: each decision before it has an effect, each end. Pure.
#pragma once

#include "profiles/flow_record.hpp"
#include "supervisor/evidence/record.hpp"

namespace cordon {

EvidenceRecord flow_evidence(const FlowDecided& decided, const JobOwner& whose);
EvidenceRecord flow_evidence(const FlowClosed& closed, const JobOwner& whose);
EvidenceRecord flow_evidence(const DeniedAgain& again, const JobOwner& whose);
EvidenceRecord flow_evidence(const QueryDenied& query, const JobOwner& whose);

}  // namespace cordon
