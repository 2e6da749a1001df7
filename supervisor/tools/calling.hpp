// From the body of a call to a job that could be made of it, with the decision about it. Nothing is started here.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "supervisor/jobs/ordering.hpp"
#include "supervisor/tools/call_request.hpp"
#include "supervisor/tools/decision.hpp"
#include "supervisor/tools/tool_gate.hpp"
#include "supervisor/tools/unsettled.hpp"

namespace cordon {

struct CallWish {
  std::string tool;
  std::string body;         // {"input", …}; of a health check: unread
  std::string compensates;  // the job that it undoes; empty: none
  bool health = false;
};

struct OrderedCall {
  Ordered ordered;  // its order has `call`
  bool dry_run = false;
};

// Refuses a tool that is not there, is switched off or has changed, an input that its definition does not take, and a
// call of which it is not known whether it has happened already.
awaitable<tl::expected<OrderedCall, Rejection>> order_call(JobStore* store, CatalogPtr catalog, ToolGate* gate,
                                                           const Unsettled* unsettled, Caller caller, CallWish wish);

Rejection unknown_tool(const std::string& name);
Rejection ambiguous_call(const AmbiguousRow& earlier);

}  // namespace cordon
