#include "tests/promises/image_sources.hpp"

#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "profiles/sha256.hpp"
#include "tests/promises/process.hpp"

namespace cordon::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string digest_of(const std::string& bytes) {
  return "sha256:" + hex(sha256(bytes));
}

// Puts a blob in its place; its descriptor (OCI image specification, "Content Descriptors").
Json add_blob(ImageFiles& image, const std::string& bytes, const char* type) {
  image.files.push_back({"blobs/sha256/" + hex(sha256(bytes)), bytes});
  return {{"mediaType", type}, {"digest", digest_of(bytes)}, {"size", bytes.size()}};
}

Json config_of(const Json& diff_ids) {
  return {{"architecture", "amd64"}, {"os", "linux"}, {"rootfs", Json{{"type", "layers"}, {"diff_ids", diff_ids}}}};
}

}  // namespace

ImageFiles oci_layout(const std::vector<ImageLayer>& layers) {
  ImageFiles image;
  auto descriptors = Json::array(), diff_ids = Json::array();
  for (const auto& layer : layers) {
    diff_ids.push_back(digest_of(bytes_of(archive_of(layer.entries))));
    const char* type = layer.packing == Packing::gzip ? "application/vnd.oci.image.layer.v1.tar+gzip"
                                                      : "application/vnd.oci.image.layer.v1.tar";
    descriptors.push_back(add_blob(image, bytes_of(archive_of(layer.entries, layer.packing)), type));
  }
  const auto config = add_blob(image, config_of(diff_ids).dump(), "application/vnd.oci.image.config.v1+json");
  const Json manifest = {{"schemaVersion", 2}, {"config", config}, {"layers", descriptors}};
  const auto described = add_blob(image, manifest.dump(), "application/vnd.oci.image.manifest.v1+json");
  image.manifest = described.at("digest");
  image.files.push_back({"index.json", Json{{"schemaVersion", 2}, {"manifests", Json::array({described})}}.dump()});
  image.files.push_back({"oci-layout", R"({"imageLayoutVersion": "1.0.0"})"});
  return image;
}

ImageFiles docker_save(const std::vector<std::vector<Entry>>& layers) {
  ImageFiles image;
  auto names = Json::array(), diff_ids = Json::array();
  for (const auto& entries : layers) {
    const auto bytes = bytes_of(archive_of(entries));
    const auto name = std::to_string(names.size());
    std::string before;
    for (std::size_t i = 0; i < diff_ids.size(); ++i)
      if (diff_ids[i] == digest_of(bytes)) before = "../" + std::to_string(i) + "/layer.tar";
    image.files.push_back(before.empty() ? Entry{name + "/layer.tar", bytes} : link_to(name + "/layer.tar", before));
    names.push_back(name + "/layer.tar");
    diff_ids.push_back(digest_of(bytes));
  }
  const auto config = config_of(diff_ids).dump();
  image.files.push_back({hex(sha256(config)) + ".json", config});
  const Json manifest = {{"Config", hex(sha256(config)) + ".json"}, {"RepoTags", {"test:1"}}, {"Layers", names}};
  image.files.push_back({"manifest.json", Json::array({manifest}).dump()});
  return image;
}

std::vector<Entry> small_system() {
  std::vector<Entry> entries;
  for (const char* program : {"bin/sh", "bin/cat", "lib64/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/libc.so.6"})
    entries.push_back({program, read_text(std::string("/") + program), AE_IFREG, "", false, 0755});
  return entries;
}

void spread(const std::vector<Entry>& entries, const fs::path& directory) {
  fs::create_directories(directory);
  for (const auto& entry : entries) {
    const auto path = directory / entry.path;
    fs::create_directories(entry.type == AE_IFDIR ? path : path.parent_path());
    if (entry.type == AE_IFLNK) fs::create_symlink(entry.link, path);
    if (entry.type == AE_IFIFO) ::mkfifo(path.c_str(), 0644);
    if (entry.type != AE_IFREG) continue;
    std::ofstream(path, std::ios::binary) << entry.content;
    ::chmod(path.c_str(), entry.mode);
  }
}

}  // namespace cordon::test
