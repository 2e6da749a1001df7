// A kill receipt for people, and what it means for the exit status.
#pragma once

#include <string>

#include "cli/client.hpp"

namespace cordon::cli {

std::string receipt_text(const Json& receipt);
int exit_code_of_receipt(const Json& receipt);  // 1 when something survived, or the receipt does not say

}  // namespace cordon::cli
