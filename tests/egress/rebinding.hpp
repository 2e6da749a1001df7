// A name whose resolver answers a public address now and a denied one next, in every mixture, so many times.
#pragma once

namespace cordon::egress_test {

void rebind(int tries);

}  // namespace cordon::egress_test
