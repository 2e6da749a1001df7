// A pid namespace whose kernel writes down every process that ends in it, or beneath it, whatever killed it (acct(2)):
// what ran, and how often, told by nobody who could be mistaken about it.
#pragma once

#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon::test {

struct Ended {
  std::string name;  // of its program's file, at most 15 bytes
  int status;        // as waitpid(2) has it
};

class AccountedProcesses {
 public:
  AccountedProcesses();
  ~AccountedProcesses();  // with every process in it
  AccountedProcesses(const AccountedProcesses&) = delete;
  AccountedProcesses& operator=(const AccountedProcesses&) = delete;

  std::vector<Ended> ended() const;

  // While it lives, what this thread forks is in the namespace; and the thread cannot make threads (clone(2), EINVAL).
  class Inside {
   public:
    explicit Inside(const AccountedProcesses& in);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    const Fd& outside_;
  };

 private:
  Fd outside_, inside_, records_;
  int init_ = -1;
};

}  // namespace cordon::test
