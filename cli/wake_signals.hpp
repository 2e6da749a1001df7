// The signals that ask this command to stop, as a readable file descriptor (signalfd(2)) beside the connection.
#pragma once

namespace cordon::cli {

class WakeSignals {
 public:
  WakeSignals();  // SIGINT, SIGTERM, SIGHUP; SIGPIPE is ignored, a write says EPIPE
  ~WakeSignals();
  WakeSignals(const WakeSignals&) = delete;
  WakeSignals& operator=(const WakeSignals&) = delete;

  int fd() const { return fd_; }
  void acknowledge();                 // takes one; from now on these signals end the process, for whoever will not wait
  bool wait(int milliseconds) const;  // true: a signal came

 private:
  int fd_ = -1;
};

}  // namespace cordon::cli
