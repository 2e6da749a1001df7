// What cordon-ledger may ask of the kernel once its sockets, its thread and its files are there. Runs in:
// cordon-ledger.
#pragma once

namespace cordon::ledger {

// For all of its threads (seccomp(2), SECCOMP_FILTER_FLAG_TSYNC): everything but reading, appending, renaming and
// speaking on the sockets that it has is refused, EPERM. No new program, no new connection, no new process.
void confine();

}  // namespace cordon::ledger
