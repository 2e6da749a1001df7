#include "supervisor/ledger/attest.hpp"

#include <nlohmann/json.hpp>

#include "sandbox/kernel/check.hpp"
#include "supervisor/evidence/statement.hpp"

namespace cordon::ledger {

Attested attested(const Store& store, const Attest& wanted) {
  try {
    std::vector<std::string> entries;
    for (const auto index : wanted.entries) entries.push_back(store.entry(index));
    const auto statement = job_statement(wanted.job, entries);
    if (!statement) return {"", statement.error()};
    auto envelope = dsse_envelope(*statement, store.signer());
    if (envelope.size() > max_ledger_message - 1024) return {"", "its entries are too long for one statement"};
    return {std::move(envelope), ""};
  } catch (const KernelError& e) {
    return {"", e.what()};
  } catch (const nlohmann::json::exception& e) {
    return {"", e.what()};
  }
}

}  // namespace cordon::ledger
