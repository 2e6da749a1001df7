// A journal as it is after many jobs, without running them: copies of one that ran.
#pragma once

#include <cstdint>
#include <string>

#include "tests/promises/instance.hpp"

namespace cordon::bench {

// Ends the instance's cordond, puts `jobs` finished ones into its journal, each with the report of a job that really
// ran and an id and times of its own in the past, and starts it again. Its "retain" must have room for them.
void fill_journal(test::Instance& cordon, std::int64_t jobs);

// What an instance's configuration says to keep so many.
test::Json keep_all();

}  // namespace cordon::bench
