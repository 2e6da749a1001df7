#include "sandbox/kernel/check.hpp"

#include <cstring>

namespace cordon {

KernelError::KernelError(std::string_view step_of, std::string_view object_of, int error_of, std::string_view remedy_of)
    : step(step_of), object(object_of), remedy(remedy_of), error(error_of), text_(step_of) {
  if (!object.empty()) text_.append(" ").append(object);
  if (error != 0) text_.append(": ").append(std::strerror(error));
  if (!remedy.empty()) text_.append(" (").append(remedy).append(")");
}

namespace detail {
void fail(std::string_view step, std::string_view object, int error) {
  throw KernelError(step, object, error);
}
}  // namespace detail

}  // namespace cordon
