// What a client gets of a finished job's artifacts, each compared with what the report says of it.
#pragma once

#include <map>
#include <string>

#include "tests/promises/instance.hpp"

namespace cordon::test {

// By path, as octets: the bytes. Fails the test where a size, a digest or a header is wrong.
std::map<std::string, std::string> download_artifacts(const Instance& cordon, const Json& job);

// By path, as octets: why it was skipped; what was skipped without a path is at "".
std::map<std::string, std::string> skipped_of(const Json& job);

}  // namespace cordon::test
