// Which handler answers what.
#pragma once

#include "supervisor/http/api.hpp"

namespace cordon {

// Everything from the target to the answer. Throws nothing that a client could cause.
awaitable<Answer> answer(Api* api, RequestPtr request);

}  // namespace cordon
