// An operator's own program, started once for each event with the event on its standard input. Bounded in time: its
// whole process group is killed when it takes too long.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::cli {

enum class HookEnd { succeeded, failed, interrupted };  // interrupted: wake_fd became readable; it was killed

class Hook {
 public:
  Hook(std::vector<std::string> argv, std::chrono::seconds limit) : argv_(std::move(argv)), limit_(limit) {}

  HookEnd run(std::string_view input, int wake_fd);
  const std::string& trouble() const { return trouble_; }  // of the last run that failed

 private:
  HookEnd fail(std::string trouble);

  std::vector<std::string> argv_;
  std::chrono::seconds limit_;
  std::string trouble_;
};

}  // namespace cordon::cli
