// The one place where a failed system call becomes an error with its step, object and errno.
#pragma once

#include <cerrno>
#include <exception>
#include <string>
#include <string_view>

namespace cordon {

// A failed step of ours. what() is "step object: strerror".
class KernelError : public std::exception {
 public:
  KernelError(std::string_view step, std::string_view object, int error, std::string_view remedy = {});
  const char* what() const noexcept override { return text_.c_str(); }

  std::string step, object, remedy;
  int error;

 private:
  std::string text_;
};

namespace detail {
[[noreturn]] void fail(std::string_view step, std::string_view object, int error);
}

// Returns rc, or throws KernelError when rc is negative. `step` is a verb phrase: "mount tmpfs on".
template <typename Rc>
Rc check(Rc rc, std::string_view step, std::string_view object = {}) {
  if (rc < 0) detail::fail(step, object, errno);
  return rc;
}

}  // namespace cordon
