// One HTTP/1.1 exchange over a Unix socket: Beast writes the request and reads the answer, poll(2) waits for it.
// (libcurl brings forty libraries with it, and loading them took longer than a job.)
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cli/client.hpp"

namespace cordon::cli {

class Exchange {
 public:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;

  // Connects and sends. A socket where nobody answers is a Failure that says what to do.
  Exchange(const std::string& socket_path, const Request& request, Deadline deadline);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  int fd() const;
  bool read();                       // what has come, if anything has; false: nothing more will
  void read_to_the_end();            // Failure when it breaks, or when the deadline passes
  const std::string& broke() const;  // why, before the answer was whole; empty: it did not
  long status() const;               // 0 before the header
  std::string take_body();           // of what has come since the last call

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace cordon::cli
