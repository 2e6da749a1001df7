// One instance with a tracer at its launcher: runs a job whose launch has one fault, and says what became of it.
#pragma once

#include <functional>
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

// A file in and a file out, so that every step is taken.
Json job_of_every_step();

struct Setting {
  Json config = Json::object();
  Json job = job_of_every_step();
  std::function<std::shared_ptr<void>(const Instance&)> beside = {};  // what else is to run, as long as it is held
};

// Made by the thread that ends it; try_fault() may be called from another, one at a time.
class Bench {
 public:
  explicit Bench(const Setting& setting = {});

  std::vector<SystemCall> record();           // of a launch, and of the end of its job
  std::vector<SystemCall> record_resident();  // of the resident, from the job's connection to the end of the books
  Trial try_fault(const Fault& fault);
  // Empty when every id that jobs are given is there to be given again.
  std::string missing_ids();

 private:
  Verdict run(const Fault& fault);
  Json uid_of_a_job();

  Json job_;
  Instance cordon_;
  std::shared_ptr<void> beside_;
  Json clean_;  // the job when nothing fails
  Counts before_;
  Tracer tracer_;
};

std::vector<Trial> try_all(const std::vector<Fault>& faults, std::vector<std::unique_ptr<Bench>>& benches);

}  // namespace cordon::test
