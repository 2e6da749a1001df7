// The durable record of every job (STATE/daemon/journal.db, SQLite in WAL mode): written before the effect, read when
// the job is no longer in memory. One thread writes, one reads; the event loop waits for neither.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "supervisor/journal/database_thread.hpp"
#include "supervisor/journal/job_rows.hpp"
#include "supervisor/journal/journal_clock.hpp"

namespace cordon {

class Journal {
 public:
  using Clocks = std::function<ClockReading()>;
  // Opens or makes it. Throws KernelError with the remedy.
  Journal(const asio::any_io_executor& executor, const std::string& path, Clocks clocks = read_clocks);

  // `write` is one or more calls of JobRows, on the writer's thread: it holds values only, never a job. Comes back when
  // it is committed; throws KernelError when it is not, and then nothing of it is.
  awaitable<void> write(DatabaseThread::Work write, Durability durability);
  // The same, but nobody waits: it is written with what comes next, or within 20 ms, in order with the others. A
  // failure is logged.
  void note(DatabaseThread::Work write);

  // The value of `read`, from the reader's thread.
  template <typename T>
  awaitable<T> read(std::function<T(JobRows&)> read) {
    auto result = std::make_shared<T>();
    DatabaseThread::Work work = [result, read = std::move(read)](JobRows& rows) { *result = read(rows); };
    co_await reader_.run(std::move(work));
    co_return std::move(*result);
  }

  // What is judged by it is judged so for ever: no restart, reboot or step of a clock brings an earlier age back.
  std::int64_t age_s();
  bool same_boot() const { return clock_.same_boot(); }  // as the former process's
  void save_clock();
  bool is_well() const { return *well_; }  // the latest write was committed

 private:
  DatabaseThread writer_, reader_;  // in this order: the writer makes the file
  Clocks clocks_;
  JournalClock clock_;
  std::shared_ptr<bool> well_ = std::make_shared<bool>(true);
};

}  // namespace cordon
