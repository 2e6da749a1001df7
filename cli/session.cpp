#include "cli/session.hpp"

#include <unistd.h>

namespace cordon::cli {

Client agent_client(const Session& session) {
  return Client(session.runtime_dir + (session.as_operator ? "/operator.sock" : "/agent.sock"));
}

Client operator_client(const Session& session) {
  return Client(session.runtime_dir + "/operator.sock");
}

Client broadest_client(const Session& session) {
  const auto operators = session.runtime_dir + "/operator.sock";
  return ::access(operators.c_str(), R_OK | W_OK) == 0 ? Client(operators) : agent_client(session);
}

}  // namespace cordon::cli
