// What every command is told: which instance, through which socket, for whom the answer is.
#pragma once

#include <string>

#include "cli/client.hpp"

namespace cordon::cli {

struct Session {
  std::string runtime_dir = "/run/cordon";
  bool as_operator = false;
  bool json = false;
};

Client agent_client(const Session& session);  // agent.sock, or operator.sock when that was asked for
Client operator_client(const Session& session);
Client broadest_client(const Session& session);  // operator.sock where it may be opened: it sees every job

}  // namespace cordon::cli
