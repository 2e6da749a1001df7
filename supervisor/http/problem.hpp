// A refusal as a value: what a client reads as RFC 9457 application/problem+json. Pure.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "profiles/field_error.hpp"
#include "profiles/strict_json.hpp"

namespace cordon {

// The limit of a 429 or a 503: whose it is, what it is called, how much it is.
struct LimitReached {
  std::string scope;  // instance, tenant, actor, tool, profile, uid
  std::string name;   // which of them; empty: the instance
  std::string limit;  // as in the configuration
  double value = 0;
};

struct Rejection {
  unsigned status = 400;
  std::string code;    // stable, for programs
  std::string title;   // what kind of refusal
  std::string detail;  // this one
  std::string remedy;  // what to do about it
  FieldErrors errors = {};
  std::optional<unsigned> retry_after = {};  // seconds
  std::string allow = {};                    // of a 405
  std::optional<LimitReached> limit = {};
  // What was asked for, where it is known to be there: for the record (evidence/refusal_tally.hpp), not for the client.
  std::string tool = {}, profile = {};
};

Rejection invalid_input(FieldErrors errors);
Rejection bad_field(std::string code, std::string pointer, std::string detail, std::string remedy);
Rejection not_found(const std::string& what);
Rejection overloaded(std::string code, std::string detail, unsigned retry_after);

std::string problem_json(const Rejection& rejection);

}  // namespace cordon
