// What the command could not do, in words a person can act on. Thrown anywhere, caught once in main.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace cordon::cli {

class Failure : public std::exception {
 public:
  explicit Failure(std::string message, std::string remedy_text = {}, std::string problem_document = {})
      : remedy(std::move(remedy_text)), problem(std::move(problem_document)), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

  std::string remedy;   // what to do; may be empty
  std::string problem;  // the server's problem+json when it refused; for --json

 private:
  std::string message_;
};

}  // namespace cordon::cli
