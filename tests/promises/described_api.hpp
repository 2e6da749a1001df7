// docs/openapi.json as tests use it: which members and parameters each call has, and whether an answer is as it says.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/promises/http.hpp"

namespace cordon::test {

struct Parameter {
  std::string name, where;  // "query" or "header"
  bool required = false;
  nlohmann::json schema;
};

struct Operation {
  std::string method, path;           // "post", "/v1/jobs/{id}/settlement"
  std::vector<Parameter> parameters;  // but for those of the path
  nlohmann::json body;                // its schema, without references to others; null: it takes none

  std::string name() const;  // "POST /v1/jobs/{id}/settlement"
};

class Description {
 public:
  Description();

  // "" when `answer` is one that is described; otherwise what is wrong with it.
  std::string violation_of(const std::string& method, const std::string& path, const Answer& answer);
  // "get /v1/info": described, and nobody asked.
  std::set<std::string> left() const;
  int good() const { return good_; }

  std::vector<Operation> operations() const;

 private:
  nlohmann::json document_;
  std::set<std::string> made_;
  int good_ = 0;
};

std::string in_upper_case(std::string text);

// Pointers of the members that a body's schema has, an item of a list as "*": "/files/*/artifact/job".
std::set<std::string> members_in(const nlohmann::json& schema);
// Those of them that a body uses.
std::set<std::string> members_used(const Json& body, const nlohmann::json& schema);
// The schema of what stands at such a pointer; null: there is none.
nlohmann::json schema_at(const nlohmann::json& schema, const std::string& pointer);

// A stream does not end: its head, and what comes until nothing does for `patience`.
Answer head_of_stream(const std::string& socket, const std::string& target,
                      std::chrono::milliseconds patience = std::chrono::seconds(1));

}  // namespace cordon::test
