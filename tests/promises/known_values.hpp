// For each member of a body and each parameter that docs/openapi.json has: values that a running instance takes. The
// tests that go through the description fail at a member that this table does not know.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/promises/people.hpp"
#include "tests/promises/tool_shelf.hpp"

namespace cordon::test {

// A value, and the members that must stand beside it.
struct Value {
  Json value;
  Json beside = Json::object();
};

struct Member {
  std::vector<Value> values;         // the first is an ordinary one, the others are at the edges
  std::set<std::string> not_with{};  // members that cannot stand beside it
};

// What one request is about.
struct Target {
  std::string path;
  Json fill = Json::object();  // of values that are known only now: "@binding"
};

struct Known {
  std::function<Target()> target;  // anew for each request
  std::map<std::string, Member> members{};
  Json base = Json::object();                               // where no chosen member contradicts it
  std::map<std::string, std::vector<std::string>> query{};  // and headers
  bool by_agent = false;
};

struct Chosen {
  std::string name;
  Value value;
};

// A body that has these members; null: they cannot stand together.
Json body_of(const Known& known, const std::vector<Chosen>& chosen, const Json& fill);

// An instance with evidence, policy, warm sandboxes and tools of several kinds, and what requests can be about.
class Stage {
 public:
  Stage();

  Instance& cordon() { return *cordon_; }
  const std::map<std::string, Known>& known() const { return known_; }  // by Operation::name()
  Answer ask(bool by_agent, const Call& call) const;                    // as one agent, or as another person
  Answer ask(bool by_agent, const std::string& method, const std::string& target, const Json& body = Json()) const;
  void tidy() const;  // nothing is engaged, no tool is switched off

  const std::string& job() const { return job_; }  // a finished one with an artifact

 private:
  void put_tools() const;
  void add_profile() const;
  Json made(const std::string& what, const Answer& answer, long status) const;
  std::string lose_call(const std::string& text) const;
  Target held_job() const;
  Target fresh_grant() const;
  Target context() const;
  std::string entry_of_job() const;
  void know_jobs();
  void know_calls();
  void know_authority();
  void know_operators();
  void know_parameters();

  ToolShelf shelf_;
  std::unique_ptr<Instance> cordon_;
  std::string job_, secret_, parent_;
  mutable std::vector<std::string> unsettled_;
  mutable int count_ = 0;
  std::map<std::string, Known> known_;
};

}  // namespace cordon::test
