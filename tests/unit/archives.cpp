#include "tests/unit/archives.hpp"

#include <archive.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>

namespace cordon::test {
namespace {

using Writer = std::unique_ptr<struct archive, int (*)(struct archive*)>;
using Header = std::unique_ptr<struct archive_entry, void (*)(struct archive_entry*)>;

void must(struct archive* archive, int rc) {
  if (rc != ARCHIVE_OK) throw std::runtime_error(::archive_error_string(archive));
}

void write_entry(struct archive* archive, const Entry& entry) {
  const Header header(::archive_entry_new(), ::archive_entry_free);
  ::archive_entry_set_pathname(header.get(), entry.path.c_str());
  ::archive_entry_set_filetype(header.get(), entry.type);
  ::archive_entry_set_perm(header.get(), static_cast<mode_t>(entry.mode));
  ::archive_entry_set_size(header.get(), static_cast<la_int64_t>(entry.content.size()));
  if (entry.hard) ::archive_entry_set_hardlink(header.get(), entry.link.c_str());
  if (!entry.hard && !entry.link.empty()) ::archive_entry_set_symlink(header.get(), entry.link.c_str());
  must(archive, ::archive_write_header(archive, header.get()));
  ::archive_write_data(archive, entry.content.data(), entry.content.size());
}

}  // namespace

Fd archive_of(const std::vector<Entry>& entries, Packing packing) {
  Fd file(::memfd_create("archive", MFD_CLOEXEC));
  const Writer archive(::archive_write_new(), ::archive_write_free);
  ::archive_write_set_format_gnutar(archive.get());
  if (packing == Packing::gzip) must(archive.get(), ::archive_write_add_filter_gzip(archive.get()));
  if (packing == Packing::bzip2) must(archive.get(), ::archive_write_add_filter_bzip2(archive.get()));
  must(archive.get(), ::archive_write_open_fd(archive.get(), file.get()));
  for (const auto& entry : entries) write_entry(archive.get(), entry);
  must(archive.get(), ::archive_write_close(archive.get()));
  return file;
}

std::string bytes_of(const Fd& archive) {
  struct stat it {};
  if (::fstat(archive.get(), &it) < 0) throw std::runtime_error("fstat of an archive");
  std::string bytes(static_cast<std::size_t>(it.st_size), '\0');
  if (::pread(archive.get(), bytes.data(), bytes.size(), 0) != it.st_size)
    throw std::runtime_error("read of an archive");
  return bytes;
}

}  // namespace cordon::test
