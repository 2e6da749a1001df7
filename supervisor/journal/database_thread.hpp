// One thread with one connection to the journal's database; the event loop hands it work and is told when it is done.
// What was handed over meanwhile becomes one transaction (group commit): under load many jobs share one write to disk.
// Source: sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "supervisor/asio.hpp"
#include "supervisor/journal/durability.hpp"

namespace cordon {

class JobRows;

class DatabaseThread {
 public:
  using Work = std::function<void(JobRows&)>;  // runs on the thread; holds values only

  enum class Access { read_write, read_only };
  // Opens the file; throws KernelError when that fails.
  DatabaseThread(asio::any_io_executor executor, const std::string& path, Access access);
  ~DatabaseThread();  // after all that was handed over
  DatabaseThread(const DatabaseThread&) = delete;
  DatabaseThread& operator=(const DatabaseThread&) = delete;

  // Comes back when the work is committed; throws KernelError when it is not.
  awaitable<void> run(Work work, Durability durability = Durability::process);
  // Nobody waits: `told` hears on the event loop what became of it.
  using Told = std::function<void(std::exception_ptr)>;
  void post(Work work, Durability durability, Told told);
  // The same, in order with the others, but in no hurry: with the next that is posted, or within 20 ms.
  void post_later(Work work, Told told);

 private:
  struct Task {
    Work work;
    Durability durability;
    Told told;
    std::exception_ptr failed;
  };
  using Batch = std::vector<Task>;

  void hand_over(Task task);
  void serve();
  Batch take();
  bool is_idle();                      // nothing waits
  bool commit(std::span<Task> batch);  // false: nothing of it, and each has its error
  void tell(Batch batch);

  asio::any_io_executor executor_;
  std::string path_;
  std::unique_ptr<JobRows> rows_;
  bool writes_;
  Durability durability_ = Durability::process;
  std::mutex mutex_;
  std::condition_variable handed_over_;
  Batch waiting_;
  bool ending_ = false;
  asio::steady_timer later_;  // of the event loop, as the next
  bool ringing_later_ = false;
  std::thread thread_;
};

}  // namespace cordon
