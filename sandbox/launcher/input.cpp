#include "sandbox/launcher/input.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "sandbox/init_plan.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/prestart/prestart.hpp"

namespace cordon {

namespace {

Fd empty_memfd(const char* name) {
  Fd fd(check(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), "create a memfd", name));
  check(::fchmod(fd.get(), 0444), "set the mode of a memfd");
  return fd;
}

std::size_t size_of(const Fd& fd) {
  struct stat st {};
  check(::fstat(fd.get(), &st), "fstat the job's input");
  return static_cast<std::size_t>(st.st_size);
}

// `to` shares its offset with the sandbox: it is set, whatever it was, and left at the start.
void copy(const Fd& from, std::size_t size, const Fd& to) {
  check(::ftruncate(to.get(), 0), "empty a memfd");
  check(::lseek(to.get(), 0, SEEK_SET), "rewind a memfd");
  for (off_t at = 0; at < static_cast<off_t>(size);) {
    const auto n =
        check(::sendfile(to.get(), from.get(), &at, size - static_cast<std::size_t>(at)), "copy the job's input");
    if (n == 0) throw KernelError("copy the job's input", "whole", EIO);
  }
  check(::lseek(to.get(), 0, SEEK_SET), "rewind a memfd");
  check(::fcntl(to.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "seal a memfd");
  if (size_of(to) != size) throw KernelError("copy the job's input", "unchanged", EIO);
}

}  // namespace

Input::Input() : payload_(empty_memfd("cordon-payload")), standard_in_(empty_memfd("cordon-stdin")) {}

void Input::fill(const Fd& payload, const Fd& standard_in) {
  const auto one = size_of(payload), other = size_of(standard_in);
  if (one > prestart::max_input || other > prestart::max_input - one) throw JobDeclined{"more input than is copied"};
  copy(payload, one, payload_);
  copy(standard_in, other, standard_in_);
}

}  // namespace cordon
