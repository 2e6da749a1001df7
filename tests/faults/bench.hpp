// One instance with a tracer at its launcher: runs a job whose launch has one fault, and says what became of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/faults/tracer.hpp"
#include "tests/faults/verdict.hpp"
#include "tests/promises/instance.hpp"

namespace cordon::test {

struct Trial {
  Fault fault;
  Verdict verdict;
};

// Made by the thread that ends it; try_fault() may be called from another, one at a time.
class Bench {
 public:
  Bench();

  std::vector<SystemCall> record();           // of a launch, and of the end of its job
  std::vector<SystemCall> record_resident();  // of the resident, from the job's connection to the end of the books
  Trial try_fault(const Fault& fault);
  // Empty when every id that jobs are given is there to be given again.
  std::string missing_ids();

 private:
  Verdict run(const Fault& fault);
  Json uid_of_a_job();

  Instance cordon_;
  Json clean_;  // the job when nothing fails
  Counts before_;
  Tracer tracer_;
};

std::vector<Trial> try_all(const std::vector<Fault>& faults, std::vector<std::unique_ptr<Bench>>& benches);

}  // namespace cordon::test
