// Processor time, user and system, in milliseconds, as the kernel counts it.
#pragma once

#include <sys/types.h>

namespace cordon::bench {

double cpu_ms(pid_t pid);  // of a process and of all its children that were waited for: proc_pid_stat(5)
double own_cpu_ms();       // of this process: getrusage(2)
double machine_cpu_ms();   // of whatever ran since the machine was started, interrupts included: proc_stat(5)

}  // namespace cordon::bench
