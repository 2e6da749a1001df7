// What will be run: a request that was found possible under one profile and one image. Pure but for the two questions
// it asks through functions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "supervisor/catalog.hpp"
#include "supervisor/http/problem.hpp"
#include "supervisor/jobs/artifact_store.hpp"
#include "supervisor/jobs/job_request.hpp"

namespace cordon {

struct OrderedFile {
  std::string path;
  std::uint32_t mode = 0644;
  std::string content;                         // or
  std::shared_ptr<const StoredFile> artifact;  // of an earlier job

  std::uint64_t size() const { return artifact ? artifact->size() : content.size(); }
};

struct ToolCall;  // supervisor/tools/tool_call.hpp

struct JobOrder {
  std::string profile;
  Sha256 profile_sha256{};
  std::string image;
  std::vector<std::string> argv;
  std::vector<std::string> env;  // "NAME=value"
  std::string cwd;
  std::string stdin_bytes;
  std::vector<OrderedFile> files;
  std::vector<std::string> collect;
  CollectBounds collect_bounds;
  Limits limits;
  EgressGrants egress;  // none: no network
  OnOutputLimit on_output_limit = OnOutputLimit::truncate;
  std::map<std::string, std::string> labels;
  Provenance inputs;  // of the artifacts, and as the client declares
  bool timings = false;
  std::shared_ptr<const ToolCall> call;  // nullptr: it is no call of a tool

  std::uint64_t memory() const;  // of what the client wrote, while it waits
  void drop_input();             // the sandbox has it now
};

std::string tool_name(const JobOrder& order);  // empty: it is no call

// The client's own finished job's artifact; no file: there is none that the client may see.
struct FoundArtifact {
  std::shared_ptr<const StoredFile> file = nullptr;
  Provenance data = {};
};
using FindArtifact = std::function<FoundArtifact(const ArtifactRef&)>;
// Is there such a program in the image?
using HasFile = std::function<bool(const ImageConfig&, const std::string& path)>;

tl::expected<JobOrder, Rejection> make_order(JobRequest request, const Catalog& catalog, const FindArtifact& find,
                                             const HasFile& has_file);

}  // namespace cordon
