// Images as strangers write them: OCI layouts and what `docker save` writes, made of layers that a test has.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/archives.hpp"

namespace cordon::test {

struct ImageLayer {
  std::vector<Entry> entries;
  Packing packing = Packing::gzip;
};

struct ImageFiles {
  std::vector<Entry> files;  // of the layout's directory, or of the archive that it comes in
  std::string manifest;      // "sha256:…"; of an OCI layout
};

ImageFiles oci_layout(const std::vector<ImageLayer>& layers);
// As before version 25; a layer that is there twice is a link the second time.
ImageFiles docker_save(const std::vector<std::vector<Entry>>& layers);

// A shell and cat of this host, and what they need: the least that a job can look around with.
std::vector<Entry> small_system();

// As files, directories and links below `directory`, which is made.
void spread(const std::vector<Entry>& entries, const std::filesystem::path& directory);

}  // namespace cordon::test
