// Whether an instance has sandboxes ready before they are asked for: the one place that knows how it is told to.
#pragma once

#include <optional>

#include "tests/promises/http.hpp"

namespace cordon::bench {

// This Cordon makes each sandbox when its job comes. The rows of warm ones say so until there are any.
inline constexpr bool has_warm_sandboxes = false;

// `config` of an instance that makes none ahead.
test::Json cold(test::Json config = test::Json::object());
// `config` of one that holds as many of the default profile ready as it is shipped with, or as are said.
test::Json warm(test::Json config = test::Json::object(), std::optional<unsigned> ready = std::nullopt);
// Likewise, with a started python3 in each; nullopt: this Cordon starts no interpreters ahead.
std::optional<test::Json> warm_python(unsigned ready);

}  // namespace cordon::bench
