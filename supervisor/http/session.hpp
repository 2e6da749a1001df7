// Requests of one connection, one after the other, until it ends.
#pragma once

#include <memory>

#include "supervisor/http/api.hpp"
#include "supervisor/http/body_budget.hpp"
#include "supervisor/http/connection.hpp"

namespace cordon {

// `bodies`: the memory that the bodies of all requests share.
awaitable<void> serve_connection(ConnectionPtr connection, Api* api, BodyBudget bodies);

// Says no to whoever has just connected, without reading what it wants. `seat` counts it among those.
awaitable<void> refuse_connection(ConnectionPtr connection, Rejection rejection, ConnectionTable::SeatPtr seat);

}  // namespace cordon
