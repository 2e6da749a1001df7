// How a call is undone, as its tool's definition says. Pure.
#pragma once

#include <tl/expected.hpp>

#include "supervisor/catalog.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/tools/calling.hpp"

namespace cordon {

// The call that undoes a finished call that may have happened, made of its input and its output.
tl::expected<CallWish, Rejection> compensation_of(const Job& job, const Catalog& catalog);

}  // namespace cordon
