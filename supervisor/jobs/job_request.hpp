// What a client asked for, as it was written: checked for form, not yet against profiles and images. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "profiles/json_reader.hpp"
#include "profiles/strict_json.hpp"
#include "supervisor/authority/provenance.hpp"
#include "supervisor/http/problem.hpp"

namespace cordon {

struct ArtifactRef {
  std::string job;
  std::string path;
};

struct RequestedFile {
  std::string path;
  std::uint32_t mode = 0644;
  std::string content;                  // or
  std::optional<ArtifactRef> artifact;  // of an earlier job
};

enum class OnOutputLimit { truncate, kill };

struct JobRequest {
  std::string profile = "default";
  std::string image = "host";
  std::vector<std::string> argv;  // or
  std::optional<std::string> language;
  std::string code;
  std::string cwd = ".";
  std::string stdin_bytes;
  std::map<std::string, std::string> env;
  std::vector<RequestedFile> files;
  std::vector<std::string> collect;
  Json limits = Json::object();
  std::optional<Json> egress;  // nullopt: what the profile grants
  OnOutputLimit on_output_limit = OnOutputLimit::truncate;
  std::map<std::string, std::string> labels;
  std::string grant;    // its secret; empty: none
  Provenance declared;  // of what the client brings along
  bool timings = false;
  bool wait = false;
};

tl::expected<JobRequest, Rejection> parse_job_request(std::string_view body);

// What calls of tools may say as well: "files", "limits", "labels", "timings", "wait".
void read_wishes(ObjectReader& in, JobRequest& job, FieldErrors& errors);

}  // namespace cordon
