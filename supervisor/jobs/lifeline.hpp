// One sandbox from this side: a socket to the launcher, whose life is the sandbox's life (architecture.md, law 3). It
// has been told what to prepare; the job comes at once, or later to one that stands ready (law 4). Reads what the
// launcher says in its order, and knows whether a job that was sent can have been heard.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sandbox/job_spec.hpp"
#include "sandbox/report.hpp"
#include "supervisor/jobs/launcher_socket.hpp"

namespace cordon {

class Lifeline {
 public:
  using Pipe = asio::posix::stream_descriptor;

  struct Stands {};  // see prepared()
  struct Closed {    // without a report; or what was said cannot be understood
    std::string why;
  };
  using Heard = std::variant<Stands, Started, Finished, Closed>;

  // Connects and sends the Preparation. Throws KernelError: there is no launcher at that socket. One that refuses
  // before it has heard anything is heard all the same: its answer counts.
  static awaitable<std::shared_ptr<Lifeline>> open(std::string socket_path, Preparation preparation);

  // What is said next. Whoever asks last is told: nullopt, when somebody else has asked meanwhile, or it was
  // interrupted or closed from here. Throws KernelError.
  awaitable<std::optional<Heard>> hear();
  void interrupt();

  // Gives it its job, once. A launcher that has ended takes nothing: see was_never_heard().
  void send(const JobSpec& spec, const std::vector<int>& memfds);
  // Nothing of the job has run, nor will: it could not be sent, or the launcher's process ended without having read it.
  // Told once hear() has found it Closed. False means no more than that nobody can say so.
  bool was_never_heard() const { return unsent_ || socket_.has_unread(); }

  const std::optional<Prepared>& prepared() const { return prepared_; }
  std::vector<Pipe>& pipes() { return pipes_; }                  // the ends of PreparedFd, once it is prepared
  Fd take_cgroup_events() { return std::move(cgroup_events_); }  // likewise, once

  void half_close() { socket_.half_close(); }  // "kill it"; the end is still told
  void close();                                // nobody wants it any more

 private:
  Lifeline(LauncherSocket socket, asio::any_io_executor executor)
      : socket_(std::move(socket)), executor_(std::move(executor)) {}
  void try_to_send(std::string_view message, const std::vector<int>& fds = {});
  Heard take(ReceivedMessage message);
  Heard take(Prepared prepared, std::vector<Fd> fds);

  LauncherSocket socket_;
  asio::any_io_executor executor_;
  std::optional<Prepared> prepared_;
  std::vector<Pipe> pipes_;
  Fd cgroup_events_;
  unsigned listener_ = 0;  // which call of hear() is the last
  bool waiting_ = false, unsent_ = false;
};
using LifelinePtr = std::shared_ptr<Lifeline>;

}  // namespace cordon
