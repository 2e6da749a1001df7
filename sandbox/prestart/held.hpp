// The held interpreter's side of prestart.hpp.
// Runs in: the sandbox, as the job's own uid behind the job's filter, in the interpreter's process. Linked without any
// library: whatever libc the image has must do.
#pragma once

#include <string_view>

#include "sandbox/prestart/payload_view.hpp"

namespace cordon::prestart {

struct Descriptors {
  int control = -1, payload = -1, library = -1;
};

// From CORDON_PRESTART; false when it is not of the form "3:4:5".
bool parse_descriptors(const char* text, Descriptors& out);

// None of these returns when the launcher has gone away.
void tell_ready(int control);
void tell_prepared(int control);
[[noreturn]] void decline(int control, const char* reason);
[[noreturn]] void fail(int control, const char* step, std::string_view object, int error);
void await(int control, std::string_view expected);

// The payload, decoded and mapped for as long as the process is held.
class Job {
 public:
  explicit Job(const Descriptors& descriptors);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job();

  const PayloadView& wanted() const { return view_; }
  void write_files(int control) const;      // below the current directory, as cordon-init does
  void enter_directory(int control) const;  // the job's cwd

 private:
  void* memory_ = nullptr;
  std::size_t size_ = 0;
  PayloadView view_;
};

}  // namespace cordon::prestart
