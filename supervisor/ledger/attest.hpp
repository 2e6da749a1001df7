// A job's entries as an in-toto statement in a DSSE envelope, signed with the ledger's key: only of what is in its
// files. Source: in-toto Statement v1 (github.com/in-toto/attestation), DSSE v1 (github.com/secure-systems-lab/dsse).
// Runs in: cordon-ledger.
#pragma once

#include "supervisor/evidence/ledger_message.hpp"
#include "supervisor/ledger/store.hpp"

namespace cordon::ledger {

Attested attested(const Store& store, const Attest& wanted);

}  // namespace cordon::ledger
