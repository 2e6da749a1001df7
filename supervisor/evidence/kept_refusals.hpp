// Refusals on their way to the record. Nobody waits for them, since nothing was started; while the ledger cannot write
// they are only counted, so that they take no room from what has happened.
#pragma once

#include "supervisor/asio.hpp"
#include "supervisor/evidence/evidence.hpp"
#include "supervisor/evidence/refusal_tally.hpp"

namespace cordon {

class KeptRefusals {
 public:
  KeptRefusals(const asio::any_io_executor& executor, Evidence& evidence)
      : evidence_(evidence), look_again_(executor) {}

  void add(Refusal refusal);
  void write_all();  // whatever the ledger does; before the end

 private:
  void write_due();
  void look_later();

  Evidence& evidence_;
  RefusalTally tally_;
  asio::steady_timer look_again_;
  bool looks_again_ = false;
};

}  // namespace cordon
