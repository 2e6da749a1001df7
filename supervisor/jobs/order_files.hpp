// What a job's sandbox is given to read: sealed memfds of what its client wrote (job_spec.hpp). Kept until the tool is
// executed, since it may have to be given once more.
#pragma once

#include <memory>
#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/jobs/job_order.hpp"
#include "supervisor/jobs/scratch_changes.hpp"
#include "supervisor/warm/prestart_choice.hpp"

namespace cordon {

class OrderFiles {
 public:
  // Takes the input out of `order`. Throws KernelError.
  OrderFiles(JobOrder& order, const PrestartOffers& offers);

  std::vector<int> memfds() const;                                     // in the order of JobFd
  bool collects() const { return collects_; }                          // artifacts are expected
  const std::optional<GivenScratch>& given() const { return given_; }  // of a call: it is surveyed
  // The prestarted interpreter that may have them; "": none. One that declines them is not asked again.
  const std::string& prestart() const { return prestart_; }
  void decline_prestart() { prestart_.clear(); }
  void drop();  // the sandbox has them now

 private:
  std::string prestart_;
  Fd payload_, input_;
  std::shared_ptr<const Fd> globs_;
  bool collects_;
  std::optional<GivenScratch> given_;
};
using OrderFilesPtr = std::shared_ptr<OrderFiles>;

}  // namespace cordon
