// Requests of one connection, one after the other, until it ends.
#pragma once

#include <memory>

#include "supervisor/http/api.hpp"
#include "supervisor/http/body_budget.hpp"
#include "supervisor/http/connection.hpp"

namespace cordon {

// `slot` counts the connection while it lives.
awaitable<void> serve_connection(ConnectionPtr connection, Api* api, BodyBudget budget, std::shared_ptr<void> slot);

// Says no to whoever has just connected, without reading what it wants.
awaitable<void> refuse_connection(ConnectionPtr connection, Rejection rejection, std::shared_ptr<void> slot);

}  // namespace cordon
