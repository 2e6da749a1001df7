// Many slow connections of several users at once, and what an honest one then waits for.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "tests/promises/instance.hpp"

namespace cordon::test {

void allow_many_files();  // to this process, and so to the instances it starts

// For this thread only, as in http.cpp: the kernel takes a connection's credentials from the thread that connects.
void become(const Credentials& who);

template <typename Work>
void as(const Credentials& who, Work work) {
  std::exception_ptr failed;
  std::thread([&] {
    try {
      become(who);
      work();
    } catch (...) {
      failed = std::current_exception();
    }
  }).join();
  if (failed) std::rethrow_exception(failed);
}

std::uint64_t resident_bytes(pid_t pid);
double mib(std::uint64_t bytes);

// A finished job of `who`, with so much output: its id.
std::string job_with_output(const Instance& cordon, const Credentials& who, std::uint64_t bytes);

inline constexpr unsigned honest_agent = 7;  // of an instance's agents

struct Siege {
  std::size_t connections;  // of five users, in every way of being slow
  int rounds;  // of a hundred requests of an honest sixth user, at a quiet instance and at the besieged one
};
void besiege(const Siege& siege);

// What an honest user waits (milliseconds, the median of rounds' p99) while five others ask as fast as they are
// answered: each on one connection, and each on forty.
struct FloodWaits {
  double few = 0, many = 0;
};
FloodWaits flood(const Instance& cordon);

}  // namespace cordon::test
