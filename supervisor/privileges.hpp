// cordond must not have any power: whoever breaks it gains nothing but what profiles allow anyway.
#pragma once

namespace cordon {

// Throws KernelError when this process is root or holds a capability, or could get one through an exec.
void refuse_privileges();

}  // namespace cordon
