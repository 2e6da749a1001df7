// As much of JSON Schema (2020-12) as our own schemas use; a keyword that it does not know is an error of the test.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cordon::test {

inline const std::string no_violation;

// no_violation when `value` is as `schema` wants it; otherwise where and what is wrong. `root` is where "$ref" looks.
std::string violation(const nlohmann::json& value, const nlohmann::json& schema, const nlohmann::json& root,
                      const std::string& pointer = "");

}  // namespace cordon::test
