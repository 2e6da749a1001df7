// Grants in the binary messages of JobSpec and of the egress seam. Pure.
#pragma once

#include "profiles/codec.hpp"
#include "profiles/egress_grant.hpp"

namespace cordon::wire {

void write_egress(Writer& w, const EgressGrants& grants);
EgressGrants read_egress(Reader& r);  // bad: not exactly what a profile could have granted (fault_of)

}  // namespace cordon::wire
