// The tables of the journal (STATE/daemon/journal.db) and every statement that reads or writes them. A job is one row
// that goes through its states; what its client may read is JSON text as it was answered. Used on the journal's
// threads.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "profiles/sha256.hpp"

namespace cordon {

// A job as it is taken in.
struct ReceivedRow {
  std::string id, actor, tenant;
  std::optional<std::string> key;           // the Idempotency-Key
  Sha256 request{};                         // of the body, with a key
  std::string report;                       // as of now
  std::optional<std::string> body;          // what was asked for, when it is to survive a restart while it waits
  std::int64_t at_us = 0;                   // since 1970, here and below
  std::optional<std::string> mandate = {};  // under what it acts, when that is more than its actor
};

// A call that may have happened, and must not happen twice.
struct AmbiguousRow {
  std::string id, actor, tool;
  Sha256 input{};  // of its input and files
  std::int64_t at_us = 0;
};

// What an operator found out about one.
struct Settlement {
  std::string id, as, by;  // as: "happened" or "did_not_happen"
  std::int64_t at_us = 0;
};

// A job as it ended.
struct EndedRow {
  std::string id;
  bool lost = false;
  std::string report, events;  // JSON
  std::string stdout_bytes, stderr_bytes;
  std::vector<Sha256> artifacts;
  std::uint64_t bytes = 0;  // counted against what is kept
  std::int64_t at_us = 0;
  std::int64_t age_s = 0;  // of the journal, see JournalClock
  std::optional<AmbiguousRow> ambiguous;
};

// An ended job as it is read again.
struct StoredJob {
  std::string id, actor, tenant;
  std::string report, events, stdout_bytes, stderr_bytes;
};

// One that had not ended when the former cordond did.
struct UnfinishedRow {
  std::string id, actor, tenant, state, report;
  std::optional<std::string> key, body;
  Sha256 request{};
  std::int64_t received_at_us = 0;
  std::optional<std::string> mandate;
};

struct KeyRow {
  std::string id;
  Sha256 request{};
  bool forgotten = false;
};

struct Held {  // by one actor, of what is kept
  std::uint64_t jobs = 0, bytes = 0;
};

struct Forgotten {
  std::vector<std::string> ids;
  std::map<std::string, Held> held;  // what is held no longer, by actor
  std::vector<Sha256> orphans;       // contents that no kept job has any more
};

struct ListQuery {
  std::optional<std::string> actor;
  std::string before;  // an id; empty: from the newest
  std::size_t limit = 0;
};

// What was used of a budget: admission's words (BudgetRow) as numbers.
struct SavedBudget {
  int kind = 0;
  std::string name;
  int resource = 0, window = 0;
  std::int64_t used = 0;  // 0: there is no such row
  std::int64_t remaining_ms = 0;
  std::int64_t saved_age_s = 0;
};

struct ClockRow {  // see JournalClock
  std::string boot;
  std::int64_t boottime_s = 0, wall_s = 0, age_s = 0;
};

class JobRows {
 public:
  // Makes the tables in a new file. Throws SQLite::Exception; of a newer version too.
  JobRows(const std::string& path, bool writes);

  void survive_power_loss(bool wanted);  // of the transactions from here on
  void begin(bool to_write);
  void commit();
  void undo();  // never throws
  // Takes what was written over into the database, once that is much: `pages` of 4 KiB and more. Later commits wait
  // for it, so it is done when there are none. A failure is met again by the next try, and by the commits.
  void checkpoint(int pages);

  void receive(const ReceivedRow& row);
  void withdraw(const std::string& id);  // one that was received and never was
  enum class Step { admitted, started, killing };
  void step(Step step, const std::string& id, std::int64_t at_us);
  void end(const EndedRow& row);

  // The oldest of an actor's; those older than an age. At most `limit`.
  Forgotten forget_oldest(const std::string& actor, std::size_t limit);
  Forgotten forget_before(std::int64_t age_s, std::size_t limit);
  void save(const ClockRow& clock);

  void save(const std::vector<SavedBudget>& budgets);
  // Once: false when it is settled already, or was never in doubt. `report` is the job's from now on; empty: as it was.
  bool settle(const Settlement& settlement, const std::string& report);

  std::vector<UnfinishedRow> unfinished();  // in the order they came
  std::optional<StoredJob> load(const std::string& id);
  // Without their outputs and events; newest first, until their reports are long (then `cut`).
  struct Listed {
    std::vector<StoredJob> jobs;
    bool cut = false;
  };
  Listed list(const ListQuery& query);
  std::optional<KeyRow> find_key(const std::string& actor, const std::string& key);
  std::optional<std::string> forgotten_actor(const std::string& id);  // whose it was
  bool has_artifact(const Sha256& content);
  std::map<std::string, Held> held();
  std::optional<ClockRow> clock();
  std::vector<SavedBudget> budgets();
  std::vector<AmbiguousRow> unsettled();

  // Compiled once, for the life of the connection; `sql` is a literal. For this folder only: *_rows.cpp.
  SQLite::Statement& prepared(const char* sql);

 private:
  void rest();  // no statement stays half read: it would hold on to an old view of the database
  std::int64_t row_of(const std::string& id);
  Forgotten forget(const std::vector<std::int64_t>& rows);
  void forget_artifacts(std::int64_t row, Forgotten& into);
  void drop_oldest_tombstones();
  std::size_t count_tombstones();

  SQLite::Database database_;
  std::map<const char*, SQLite::Statement> statements_;  // by the address of a literal
  std::optional<std::size_t> tombstones_;                // nullopt: not counted yet
  int written_pages_ = 0;                                // in the WAL, not yet in the database
};

}  // namespace cordon
