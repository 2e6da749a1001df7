#include "cli/image/store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/table.hpp"
#include "profiles/name.hpp"
#include "sandbox/kernel/fd.hpp"

namespace cordon::cli {
namespace image {
namespace {

constexpr const char* data_ending = ".erofs";
constexpr const char* record_ending = ".json";
constexpr const char* fresh_ending = ".new";

[[noreturn]] void failed(const std::string& step, const std::string& path) {
  throw Failure(fmt::format("cannot {} {}: {}", step, path, std::strerror(errno)));
}

// Reads all of `from`, writes it to `to` (-1: nowhere); the SHA-256.
std::string digest_while_copying(int from, int to, const std::string& path) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::array<unsigned char, 1 << 16> buffer{};
  for (;;) {
    const auto n = ::read(from, buffer.data(), buffer.size());
    if (n < 0) failed("read", path);
    if (n == 0) break;
    crypto_hash_sha256_update(&state, buffer.data(), static_cast<std::size_t>(n));
    if (to >= 0 && ::write(to, buffer.data(), static_cast<std::size_t>(n)) != n) failed("write a copy of", path);
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256_final(&state, digest.data());
  std::string text;
  for (const auto byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

// What a stranger has put there may be a link or a FIFO: neither is followed nor waited for.
Fd open_regular(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat it {};
  if (!fd || ::fstat(fd.get(), &it) < 0) failed("open", path);
  if (!S_ISREG(it.st_mode)) throw Failure(path + " is no regular file");
  return fd;
}

// A file under its name only once it is whole; gone otherwise.
class Unfinished {
 public:
  explicit Unfinished(std::string final_path) : final_(std::move(final_path)), path_(final_ + fresh_ending) {}
  ~Unfinished() { ::unlink(path_.c_str()); }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  const std::string& path() const { return path_; }
  void finish() const {
    if (::rename(path_.c_str(), final_.c_str()) < 0) failed("keep", final_);
  }

 private:
  std::string final_, path_;
};

void write_text(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::trunc);
  out << text;
  out.close();
  if (!out) failed("write", path);
}

bool is_left_behind(const std::string& name) {
  return name.starts_with(Store::unfinished) || name.ends_with(std::string(data_ending) + fresh_ending) ||
         name.ends_with(std::string(record_ending) + fresh_ending);
}

}  // namespace

Store::Store(std::string directory) : directory_(std::move(directory)) {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) throw Failure(fmt::format("cannot make {}: {}", directory_, error.message()));
}

std::string Store::path(const std::string& name, const char* ending) const {
  if (!is_name(name)) throw Failure(name_rule);
  return directory_ + "/" + name + ending;
}

Fd Store::lock() const {
  Fd directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) failed("open", directory_);
  if (::flock(directory.get(), LOCK_EX | LOCK_NB) < 0)
    throw Failure("somebody else is changing " + directory_ + " just now", "wait until that is done");
  std::vector<std::filesystem::path> left;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error))
    if (is_left_behind(entry.path().filename())) left.push_back(entry.path());
  for (const auto& path : left)
    if (std::filesystem::remove_all(path, error); error)
      throw Failure(fmt::format("cannot remove {}: {}", path.string(), error.message()));
  return directory;
}

void Store::expect_free(const std::string& name) const {
  if (name == "host") throw Failure("\"host\" is the view of the host's own /usr: choose another name");
  if (std::filesystem::exists(path(name, data_ending)))
    throw Failure(fmt::format("there is an image {} already", name), "cordon image remove " + name);
}

Json Store::take(const std::string& made, const std::string& name, const std::string& source, Json record) const {
  const auto file = path(name, data_ending);
  const Unfinished data(file), description(path(name, record_ending));
  const auto from = open_regular(made);
  const Fd to(::open(data.path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444));
  if (!to) failed("make", data.path());
  const auto digest = digest_while_copying(from.get(), to.get(), made);
  struct stat made_of {};
  if (::fsync(to.get()) < 0 || ::fstat(to.get(), &made_of) < 0) failed("keep", data.path());
  record["name"] = name;
  record["source"] = source;
  record["file"] = file;
  record["file_bytes"] = made_of.st_size;
  record["sha256"] = digest;
  write_text(description.path(), record.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  data.finish();
  description.finish();
  return record;
}

Json Store::record_of(const std::string& name) const {
  std::ifstream in(path(name, record_ending));
  auto record = Json::parse(in, nullptr, false);
  if (!in || record.is_discarded()) throw Failure("there is no image " + name, "cordon image list");
  return record;
}

std::vector<Json> Store::all() const {
  std::vector<Json> records;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, none))
    if (entry.path().extension() == record_ending) records.push_back(record_of(entry.path().stem()));
  return records;
}

std::string Store::sha256_now(const std::string& name) const {
  const auto file = path(name, data_ending);
  return digest_while_copying(open_regular(file).get(), -1, file);
}

// Also what has lost its record, since nothing else could take that away.
void Store::remove(const std::string& name) const {
  const auto held = lock();
  int removed = 0;
  for (const char* ending : {record_ending, data_ending}) {
    if (::unlink(path(name, ending).c_str()) == 0)
      ++removed;
    else if (errno != ENOENT)
      failed("remove", path(name, ending));
  }
  if (removed == 0) throw Failure("there is no image " + name, "cordon image list");
}

}  // namespace image

int list_images(const Session& session, const ImageOptions& options) {
  const auto records = image::Store(options.store).all();
  if (session.json) return fmt::print("{}\n", Json(records).dump(2)), 0;
  std::vector<Row> rows;
  rows.reserve(records.size());
  for (const auto& one : records)
    rows.push_back({one.value("name", ""), one.value("kind", ""), readable_bytes(one.value("file_bytes", 0.0)),
                    one.value("sha256", "").substr(0, 16), one.value("source", "")});
  fmt::print("{}", table({"NAME", "FROM", "SIZE", "SHA256", "SOURCE"}, rows));
  return 0;
}

int check_image(const Session& session, const ImageOptions& options) {
  const image::Store store(options.store);
  const auto wanted = store.record_of(options.name).value("sha256", ""), found = store.sha256_now(options.name);
  if (session.json)
    fmt::print("{}\n",
               Json{{"name", options.name}, {"sha256", wanted}, {"found", found}, {"intact", wanted == found}}.dump(2));
  else
    fmt::print("{}: {}\n", options.name, wanted == found ? "intact" : "CHANGED: its digest is " + found);
  return wanted == found ? 0 : 1;
}

int remove_image(const Session&, const ImageOptions& options) {
  image::Store(options.store).remove(options.name);
  fmt::print("removed: {}\n", options.name);
  return 0;
}

}  // namespace cordon::cli
