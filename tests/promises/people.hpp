// Several agents and several operators of one instance, for tests of who may do what.
#pragma once

#include "tests/promises/instance.hpp"

namespace cordon::test {

// Different people of the operators' group. An agent can be one, too: `as_person(cordon, cordon.agent(1))`.
Credentials person(const Instance& cordon, unsigned number = 1);
Credentials as_person(const Instance& cordon, Credentials who);
std::string actor_of(const Credentials& who);  // as nobody has named them

Answer as_operator(const Instance& cordon, const std::string& method, const std::string& target,
                   const Json& body = Json());
Answer as_operator(const Instance& cordon, const Credentials& who, const std::string& method, const std::string& target,
                   const Json& body = Json());
Answer as_agent(const Instance& cordon, unsigned who, const std::string& method, const std::string& target,
                const Json& body = Json());

// Anybody's job, as operators see it: as it is now; when it has ended; whether it comes to be so.
Json seen(const Instance& cordon, const std::string& id);
Json ended(const Instance& cordon, const std::string& id);
bool comes_to(const Instance& cordon, const std::string& id, const std::string& state);

void crash_and_restart(Instance& cordon);

}  // namespace cordon::test
