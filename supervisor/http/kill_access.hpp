// What the handlers of the kill switch and of incidents share.
#pragma once

#include <string>

#include "supervisor/http/api.hpp"

namespace cordon {

tl::expected<Scope, Rejection> read_scope(const std::string& text);
// Of a job: one that is there and has not ended; else there is nothing that an engaged switch could do.
awaitable<std::optional<Rejection>> no_such_job(Api* api, RequestPtr request, Scope scope);
Subject subject_of(const Scope& scope);

// Engages it, and comes back with the receipt.
awaitable<Json> kill_scope(Api* api, RequestPtr request, Scope scope, std::string reason);

}  // namespace cordon
