// An instance whose answers a test has written down: what a command asks for, what it prints and how it exits are then
// all that there is to see.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/session.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon::cli::test {

class CannedServer {
 public:
  // `answers`: by "METHOD TARGET"; the status and the body. What is not there is 404.
  using Answers = std::map<std::string, std::pair<int, std::string>>;
  explicit CannedServer(Answers answers);  // on operator.sock and agent.sock alike
  ~CannedServer();
  CannedServer(const CannedServer&) = delete;
  CannedServer& operator=(const CannedServer&) = delete;

  Session session(bool json = false) const { return {directory_, false, json}; }
  // What was asked for since the last call: "operator POST /v1/approvals/7 {…}".
  std::vector<std::string> heard();

 private:
  void serve();
  void answer(int peer, const char* socket);

  std::string directory_;
  Answers answers_;
  Fd operators_, agents_, end_;
  std::mutex mutex_;
  std::vector<std::string> heard_;
  std::thread thread_;
};

struct Printed {
  int code = -1;
  std::string out, err;
};
// What a command prints on its two streams, and its exit code. A Failure goes on to the test.
Printed printed(const std::function<int()>& command);

}  // namespace cordon::cli::test
