// The "files" of a request, and texts with an encoding beside them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "profiles/json_reader.hpp"
#include "supervisor/jobs/job_request.hpp"

namespace cordon {

inline constexpr const char* workspace_path_rule =
    "must be a relative path that stays inside /work, without empty, \".\" or \"..\" components";

// `text` came from member `key`; the member `encoding_key` (utf8 when absent, or base64) says how to read it.
void decode_in_place(ObjectReader& in, std::string_view key, std::string_view encoding_key, std::string& text,
                     FieldErrors& errors);

std::vector<RequestedFile> read_files(const Json& value, std::string_view pointer, FieldErrors& errors);

// Two files at one path, or a file where another needs a directory. `extra`: a path that is taken too, or empty.
void refuse_conflicts(const std::vector<RequestedFile>& files, std::string_view extra, FieldErrors& errors);

}  // namespace cordon
