#include "supervisor/journal/journal.hpp"

#include <ctime>
#include <fstream>

#include "sandbox/kernel/check.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

std::int64_t seconds_of(clockid_t clock) {
  timespec now{};
  check(::clock_gettime(clock, &now), "read the clock");
  return now.tv_sec;
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;  // empty where /proc has none
}

// Before anything else runs: the threads do not yet share it.
std::optional<ClockRow> saved_clock(const std::string& path) {
  JobRows rows(path, true);
  return rows.clock();
}

}  // namespace

ClockReading read_clocks() {
  static const std::string boot = boot_id();
  return {boot, seconds_of(CLOCK_BOOTTIME), seconds_of(CLOCK_REALTIME)};
}

Journal::Journal(const asio::any_io_executor& executor, const std::string& path, Clocks clocks)
    : writer_(executor, path, DatabaseThread::Access::read_write),
      reader_(executor, path, DatabaseThread::Access::read_only),
      clocks_(std::move(clocks)),
      clock_(saved_clock(path), clocks_()) {}

std::int64_t Journal::age_s() {
  const auto now = clocks_();
  if (clock_.must_be_saved(now)) save_clock();
  return clock_.age(now);
}

awaitable<void> Journal::write(DatabaseThread::Work write, Durability durability) {
  const auto well = well_;
  try {
    co_await writer_.run(std::move(write), durability);
    *well = true;
  } catch (...) {
    *well = false;
    throw;
  }
}

void Journal::note(DatabaseThread::Work write) {
  writer_.post_later(std::move(write), [well = well_](const std::exception_ptr& failed) {
    *well = failed == nullptr;
    if (!failed) return;
    try {
      std::rethrow_exception(failed);
    } catch (const std::exception& e) {
      log("journal_failed", {{"error", e.what()}});
    }
  });
}

void Journal::save_clock() {
  const auto row = clock_.row_to_save(clocks_());
  note([row](JobRows& rows) { rows.save(row); });
}

}  // namespace cordon
