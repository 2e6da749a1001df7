// Jobs that can be told apart: each writes its number and exits with a code that follows from it.
#pragma once

#include <string>

#include "tests/promises/http.hpp"

namespace cordon::test {

inline Json numbered(int number) {
  return {
      {"argv", Json::array({"sh", "-c", "printf " + std::to_string(number) + "; exit " + std::to_string(number % 7)})},
      {"wait", true}};
}

inline bool reported_right(const Json& job, int number) {
  return job.at("outcome") == Json({{"kind", "exited"}, {"code", number % 7}}) &&
         job.at("stdout") == std::to_string(number);
}

}  // namespace cordon::test
