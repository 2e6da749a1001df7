// A tmpfs, as a job's scratch is, in this process's own mount namespace: where bare programs write what they would
// write there.
#pragma once

#include <string>

namespace cordon::bench {

class Scratch {
 public:
  explicit Scratch(const std::string& size = "64m");  // as tmpfs(5) has it. Throws KernelError
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/cordon-bench-scratch-XXXXXX";
};

}  // namespace cordon::bench
