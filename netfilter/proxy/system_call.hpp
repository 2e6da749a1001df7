// A failed system call is an exception with what was tried.
#pragma once

#include <cerrno>
#include <system_error>

namespace cordon::egress {

template <typename Rc>
Rc checked(Rc rc, const char* tried) {
  if (rc < 0) throw std::system_error(errno, std::generic_category(), tried);
  return rc;
}

}  // namespace cordon::egress
