// Whether a proposed call may be made: taken before admission, for every call. Pure.
#pragma once

#include <string>
#include <variant>

#include "supervisor/http/problem.hpp"
#include "supervisor/tools/proposed_call.hpp"

namespace cordon {

struct Allow {};
struct Hold {  // until somebody else has approved it
  std::string why;
};
struct Refuse {
  Rejection why;
};
using Decision = std::variant<Allow, Hold, Refuse>;

Decision decide(const ProposedCall& call);

Json to_json(const Decision& decision);  // {"kind": "allow" | "hold" | "refuse", "why"}

}  // namespace cordon
