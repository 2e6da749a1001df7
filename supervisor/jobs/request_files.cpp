#include "supervisor/jobs/request_files.hpp"

#include <algorithm>

#include "sandbox/payload.hpp"
#include "supervisor/jobs/job_id.hpp"
#include "supervisor/text/base64.hpp"

namespace cordon {
namespace {

void read_mode(ObjectReader& in, RequestedFile& file) {
  std::string text = "0644";
  in.optional("mode", text);
  if (text.size() == 4 && text[0] == '0') text.erase(0, 1);
  const bool octal = text.size() == 3 && text.find_first_not_of("01234567") == std::string::npos;
  if (!octal) return in.error("mode", "must be three octal digits of permission, such as \"0644\"");
  file.mode = static_cast<std::uint32_t>(std::stoul(text, nullptr, 8));
}

void read_artifact(const Json& value, const std::string& pointer, RequestedFile& file, FieldErrors& errors) {
  ObjectReader in(value, pointer, errors);
  ArtifactRef ref;
  ref.job = in.require_string("job");
  ref.path = in.require_string("path");
  in.refuse_unknown_keys();
  if (!ref.job.empty() && !is_job_id(ref.job)) in.error("job", "is not the id of a job");
  file.artifact = std::move(ref);
}

RequestedFile read_file(const Json& value, const std::string& pointer, FieldErrors& errors) {
  ObjectReader in(value, pointer, errors);
  RequestedFile file;
  file.path = in.require_string("path");
  if (!file.path.empty() && !is_workspace_path(file.path)) in.error("path", workspace_path_rule);
  read_mode(in, file);
  const Json* content = in.find("content");
  const Json* artifact = in.find("artifact");
  in.optional("content", file.content);
  decode_in_place(in, "content", "encoding", file.content, errors);
  if (artifact != nullptr) read_artifact(*artifact, in.pointer("artifact"), file, errors);
  if (content != nullptr && artifact != nullptr) in.error("artifact", "cannot stand beside content");
  if (value.is_object() && content == nullptr && artifact == nullptr)
    in.error("content", "is missing: content or artifact");
  in.refuse_unknown_keys();
  return file;
}

struct Claim {
  std::string_view path;
  std::string pointer;  // empty: not of the client's files
};

// '/' sorts before everything else, so that what is below a path stands directly behind it.
bool before(const Claim& a, const Claim& b) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c); };
  return std::lexicographical_compare(a.path.begin(), a.path.end(), b.path.begin(), b.path.end(),
                                      [rank](char x, char y) { return rank(x) < rank(y); });
}

bool is_below(std::string_view path, std::string_view parent) {
  return path.size() > parent.size() && path.starts_with(parent) && path[parent.size()] == '/';
}

}  // namespace

void decode_in_place(ObjectReader& in, std::string_view key, std::string_view encoding_key, std::string& text,
                     FieldErrors& errors) {
  std::string encoding = "utf8";
  in.optional(encoding_key, encoding);
  if (encoding == "utf8") return;
  if (encoding != "base64") return in.error(encoding_key, "must be utf8 or base64");
  auto bytes = decode_base64(text);
  if (!bytes) return errors.push_back({in.pointer(key), "is not base64 (RFC 4648: padded, no white space)"});
  text = std::move(*bytes);
}

std::vector<RequestedFile> read_files(const Json& value, std::string_view pointer, FieldErrors& errors) {
  std::vector<RequestedFile> files;
  if (!value.is_array()) {
    errors.push_back({std::string(pointer), "must be an array"});
    return files;
  }
  if (value.size() > max_files) {
    errors.push_back({std::string(pointer), "has more than " + std::to_string(max_files) + " files"});
    return files;
  }
  for (std::size_t i = 0; i < value.size(); ++i) files.push_back(read_file(value[i], pointer_to(pointer, i), errors));
  if (errors.empty()) refuse_conflicts(files, {}, errors);
  return files;
}

void refuse_conflicts(const std::vector<RequestedFile>& files, std::string_view extra, FieldErrors& errors) {
  std::vector<Claim> claims;
  if (!extra.empty()) claims.push_back({extra, {}});
  for (std::size_t i = 0; i < files.size(); ++i) {
    claims.push_back({files[i].path, pointer_to(pointer_to("/files", i), "path")});
  }
  std::stable_sort(claims.begin(), claims.end(), before);
  for (std::size_t i = 1; i < claims.size(); ++i) {
    const auto &one = claims[i - 1], &other = claims[i];
    const auto& pointer = other.pointer.empty() ? one.pointer : other.pointer;
    if (one.path == other.path) errors.push_back({pointer, "is the path of another file too"});
    if (is_below(other.path, one.path))
      errors.push_back({pointer, "needs a directory where another file is, or the reverse"});
  }
}

}  // namespace cordon
