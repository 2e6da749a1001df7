// Refusals on their way to the record. Nobody waits for them, since nothing was started; while the ledger cannot write
// they are only counted, so that they take no room from what has happened. What is counted and in no record yet is in
// a file as well, so that the next cordond tells it when this one is killed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "supervisor/asio.hpp"
#include "supervisor/evidence/evidence.hpp"
#include "supervisor/evidence/refusal_file.hpp"
#include "supervisor/evidence/refusal_tally.hpp"

namespace cordon {

class KeptRefusals {
 public:
  // `file`: refusal_file.hpp; nullopt: what is counted ends with this process.
  KeptRefusals(asio::any_io_executor executor, Evidence& evidence,
               const std::optional<std::string>& file = std::nullopt);

  void begin();  // tells what a former cordond has counted, and from here on what is due
  void add(Refusal refusal);
  void write_all();  // whatever the ledger does; before the end

 private:
  void write_due();
  void write(std::vector<RefusalTally::Counts>&& counts);
  awaitable<void> keep_writing();

  asio::any_io_executor executor_;
  Evidence& evidence_;
  std::optional<RefusalFile> file_;
  RefusalTally tally_;
  Changes first_;  // of a kind has come
};

}  // namespace cordon
