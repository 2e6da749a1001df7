#include "cli/artifacts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/failure.hpp"
#include "cli/job_request.hpp"
#include "cli/terminal.hpp"
#include "profiles/profile.hpp"

namespace cordon::cli {
namespace {

class Descriptor {
 public:
  Descriptor(int fd, const std::string& what) : fd_(fd) {
    if (fd < 0) throw Failure(fmt::format("cannot save {}: {}", for_one_line(what), std::strerror(errno)));
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Descriptor open_or_make_directory(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), 0777) < 0 && errno != EEXIST) return {-1, name};
  return {::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), name};
}

// Makes the parents one by one and follows no symbolic link on the way.
Descriptor create_beneath(int directory, const std::string& path) {
  Descriptor parent(::openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), path);
  std::size_t begin = 0;
  while (true) {
    const auto slash = path.find('/', begin);
    const auto name = path.substr(begin, slash - begin);
    if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string::npos) {
      throw Failure(fmt::format("artifact {}: this is not a name to save under", for_one_line(path)));
    }
    if (slash == std::string::npos) {
      return {::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                       0666),
              path};
    }
    parent = open_or_make_directory(parent.get(), name);
    begin = slash + 1;
  }
}

std::string path_of(const Json& artifact) {
  auto path = artifact.at("path").get<std::string>();
  return artifact.value("path_encoding", "utf8") == "base64" ? decode_base64(path) : path;
}

}  // namespace

void save_artifacts(const Client& client, const Json& job, const std::string& directory) {
  if (::mkdir(directory.c_str(), 0777) < 0 && errno != EEXIST) {
    throw Failure(fmt::format("--output {}: {}", directory, std::strerror(errno)));
  }
  const Descriptor top(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), directory);
  const auto base = "/v1/jobs/" + percent_encoded(job.at("id").get<std::string>()) + "/artifacts/";
  for (const auto& artifact : job.value("artifacts", Json::array())) {
    const auto path = path_of(artifact);
    const auto response = client.send({.target = base + percent_encoded(path)});
    if (response.status != 200) refuse(response);
    if (hex(sha256(response.body)) != artifact.at("sha256").get<std::string>()) {
      throw Failure(fmt::format("artifact {}: its bytes are not those of the report", for_one_line(path)));
    }
    const auto file = create_beneath(top.get(), path);
    if (!write_all(file.get(), response.body)) throw Failure(fmt::format("cannot save {}", for_one_line(path)));
  }
}

}  // namespace cordon::cli
