#include "supervisor/journal/database_thread.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <utility>

#include "sandbox/kernel/check.hpp"
#include "supervisor/journal/job_rows.hpp"

namespace cordon {
namespace {

// Of 4 KiB. The first is SQLite's own default; more is only written while there is no pause at all.
constexpr int many_pages = 1000, too_many_pages = 8000;
constexpr auto no_hurry = std::chrono::milliseconds(20);

int errno_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return ENOSPC;
    case SQLITE_READONLY:
      return EROFS;
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return EACCES;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return EUCLEAN;
    case SQLITE_NOMEM:
      return ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return EBUSY;
    default:
      return EIO;
  }
}

const char* remedy_of(int error) {
  switch (error) {
    case ENOSPC:
      return "make room on the disk of --state-dir";
    case EROFS:
    case EACCES:
      return "make --state-dir writable for cordond";
    case EUCLEAN:
      return "restore the journal from a backup, or move journal.db* away: the reports in it are then unknown";
    default:
      return "look at the disk of --state-dir";
  }
}

KernelError as_kernel_error(const SQLite::Exception& e, const std::string& step, const std::string& path) {
  const auto error = errno_of(e.getErrorCode());
  return {step, path + " (" + e.what() + ")", error, remedy_of(error)};
}

std::unique_ptr<JobRows> open_rows(const std::string& path, DatabaseThread::Access access) {
  try {
    return std::make_unique<JobRows>(path, access == DatabaseThread::Access::read_write);
  } catch (const SQLite::Exception& e) {
    throw as_kernel_error(e, "open the journal", path);
  }
}

}  // namespace

DatabaseThread::DatabaseThread(asio::any_io_executor executor, const std::string& path, Access access)
    : executor_(std::move(executor)),
      path_(path),
      rows_(open_rows(path, access)),
      writes_(access == Access::read_write),
      later_(executor_) {
  // The signals are for the event loop.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { serve(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

DatabaseThread::~DatabaseThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  handed_over_.notify_one();
  thread_.join();
}

void DatabaseThread::hand_over(Task task) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(task));
}

void DatabaseThread::post(Work work, Durability durability, Told told) {
  hand_over({std::move(work), durability, std::move(told), nullptr});
  handed_over_.notify_one();
}

// The thread is not woken: it finds this with what comes next, or after a while.
void DatabaseThread::post_later(Work work, Told told) {
  hand_over({std::move(work), Durability::process, std::move(told), nullptr});
  if (std::exchange(ringing_later_, true)) return;
  later_.expires_after(no_hurry);
  later_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    ringing_later_ = false;
    if (!is_idle()) handed_over_.notify_one();
  });
}

awaitable<void> DatabaseThread::run(Work work, Durability durability) {
  // NOLINTNEXTLINE(performance-unnecessary-value-param): the template hides that it is moved
  auto begin = [this](auto handler, Work todo, Durability how) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    post(std::move(todo), how, [shared](std::exception_ptr failed) { std::move (*shared)(std::move(failed)); });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(begin, asio::use_awaitable,
                                                                                         std::move(work), durability);
}

void DatabaseThread::serve() {
  for (;;) {
    auto batch = take();
    if (batch.empty()) return;
    if (!writes_ || (!commit(batch) && batch.size() > 1)) {
      for (auto& task : batch) commit({&task, 1});  // nobody fails with another
    }
    tell(std::move(batch));
    if (writes_) rows_->checkpoint(is_idle() ? many_pages : too_many_pages);
  }
}

bool DatabaseThread::is_idle() {
  const std::lock_guard lock(mutex_);
  return waiting_.empty();
}

DatabaseThread::Batch DatabaseThread::take() {
  std::unique_lock lock(mutex_);
  handed_over_.wait(lock, [this] { return !waiting_.empty() || ending_; });
  return std::exchange(waiting_, {});
}

// All or none.
bool DatabaseThread::commit(std::span<Task> batch) {
  for (auto& task : batch) task.failed = nullptr;
  try {
    auto wanted = Durability::process;
    for (const auto& task : batch) {
      if (task.durability == Durability::power) wanted = Durability::power;
    }
    if (writes_ && wanted != durability_) rows_->survive_power_loss(wanted == Durability::power);
    durability_ = wanted;
    rows_->begin(writes_);
    for (auto& task : batch) task.work(*rows_);
    rows_->commit();
    return true;
  } catch (const SQLite::Exception& e) {
    rows_->undo();
    const auto error = as_kernel_error(e, writes_ ? "write the journal" : "read the journal", path_);
    for (auto& task : batch) task.failed = std::make_exception_ptr(error);
  } catch (...) {
    rows_->undo();
    for (auto& task : batch) task.failed = std::current_exception();
  }
  return false;
}

void DatabaseThread::tell(Batch batch) {
  auto shared = std::make_shared<Batch>(std::move(batch));
  asio::post(executor_, [shared] {
    for (auto& task : *shared) task.told(task.failed);
  });
}

}  // namespace cordon
