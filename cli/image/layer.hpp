// One archive (tar, perhaps compressed), applied to a tree. Runs in: `cordon image import`, as nobody.
#pragma once

#include <functional>
#include <string>

#include "cli/image/tree.hpp"

namespace cordon::cli::image {

// Throws Failure with the place: "layer 2, ./etc/../x: …".
void apply_layer(int archive, const std::string& name, Tree& tree, const Bounds& bounds);

// The names of its entries, for as long as `more` says so; under the same bounds, since a bomb can be one of work
// alone.
void list_names(int archive, const std::string& name, const Bounds& bounds,
                const std::function<bool(const std::string&)>& more);

}  // namespace cordon::cli::image
