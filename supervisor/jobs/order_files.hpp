// What a job's sandbox is given to read: sealed memfds of what its client wrote (job_spec.hpp). Kept until the tool is
// executed, since it may have to be given once more.
#pragma once

#include <memory>
#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/jobs/job_order.hpp"

namespace cordon {

class OrderFiles {
 public:
  // Takes the input out of `order`. Throws KernelError.
  explicit OrderFiles(JobOrder& order);

  std::vector<int> memfds() const;             // in the order of JobFd
  bool collects() const { return collects_; }  // artifacts are expected
  void drop();                                 // the sandbox has them now

 private:
  Fd payload_, input_;
  std::shared_ptr<const Fd> globs_;
  bool collects_;
};
using OrderFilesPtr = std::shared_ptr<OrderFiles>;

}  // namespace cordon
