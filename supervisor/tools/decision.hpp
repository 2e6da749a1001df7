// What was decided about a call, or would be. authority/ decides. Pure.
#pragma once

#include <string>
#include <variant>

#include "supervisor/authority/approval.hpp"
#include "supervisor/http/problem.hpp"

namespace cordon {

struct Allow {};
struct Hold {  // until somebody else has approved it
  std::string why;
};
struct Refuse {
  Rejection why;
};
using Decision = std::variant<Allow, Hold, Refuse>;

std::string why_held(const Approval& approval);

Json to_json(const Decision& decision);  // {"kind": "allow" | "hold" | "refuse", "why"}

}  // namespace cordon
