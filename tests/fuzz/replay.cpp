// Feeds every file of a directory to a fuzz target, once.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/property.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return EXIT_FAILURE;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++files;
  }
  std::printf("%d inputs\n", files);
  return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
