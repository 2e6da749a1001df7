// What a process holds of the memory, as the kernel says.
#pragma once

#include <sys/types.h>

namespace cordon::bench {

double resident_mib(pid_t pid);  // VmRSS of proc_pid_status(5); 0: there is no such process

}  // namespace cordon::bench
