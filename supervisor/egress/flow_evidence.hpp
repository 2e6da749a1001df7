// What stays on the record of a job's flows: each decision before it has an effect, each end. Pure.
#pragma once

#include "profiles/flow_record.hpp"
#include "supervisor/events/operator_event.hpp"
#include "supervisor/evidence/record.hpp"

namespace cordon {

// `whose`: the job, and who it belongs to.
EvidenceRecord flow_evidence(const FlowDecided& decided, const Subject& whose);
EvidenceRecord flow_evidence(const FlowClosed& closed, const Subject& whose);
EvidenceRecord flow_evidence(const DeniedAgain& again, const Subject& whose);
EvidenceRecord flow_evidence(const QueryDenied& query, const Subject& whose);

}  // namespace cordon
