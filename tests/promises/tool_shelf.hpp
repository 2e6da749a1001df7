// Tools for tests: a directory of definitions, as root would write them, and what a call is in a test.
#pragma once

#include <string>

#include "tests/promises/instance.hpp"

namespace cordon::test {

class ToolShelf {
 public:
  ToolShelf();  // empty
  ~ToolShelf();
  ToolShelf(const ToolShelf&) = delete;
  ToolShelf& operator=(const ToolShelf&) = delete;

  // What is not in `definition` is as of a tool that prints its "text"; a script is pinned as it is.
  void put(const std::string& name, const Json& definition, const std::string& script = "") const;
  void write(const std::string& file, const std::string& bytes) const;  // as it is
  const std::string& path() const { return path_; }
  // An instance's configuration that has these tools, and what `config` says beside.
  Json config(Json config = Json::object()) const;

 private:
  std::string path_;
};

// A Python program as a tool: its script is run with the input on standard input, as `i`.
void put_python(const ToolShelf& shelf, const std::string& name, const std::string& code,
                Json definition = Json::object());

Answer call_tool(const Instance& cordon, const std::string& name, const Json& body,
                 std::vector<std::string> headers = {});
Json called(const Instance& cordon, const std::string& name, const Json& input);  // waits; the finished job
Answer operate(const Instance& cordon, const std::string& method, const std::string& target, const Json& body);

}  // namespace cordon::test
