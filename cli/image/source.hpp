// What an image is made from: an OCI image layout (a directory, as of `skopeo copy … oci:DIR`, or a tar of it, as of
// `docker save`), or a root file system (a tar or a directory). Runs in: `cordon image import`, as nobody.
#pragma once

#include <string>

#include "cli/image/tree.hpp"

namespace cordon::cli::image {

struct Unpacked {
  std::string kind;    // "oci", "docker", "rootfs"
  std::string digest;  // of the OCI manifest, "sha256:…"; empty where there is none
  std::size_t layers = 0;
};

// Unpacks `source` (open, a file or a directory) into `tree`; `scratch` is an empty directory for what lies in between.
// Every blob of an OCI layout is read only after its digest was found to be right. Throws Failure with the place.
Unpacked unpack_source(int source, int scratch, Tree& tree, const Bounds& bounds);

}  // namespace cordon::cli::image
