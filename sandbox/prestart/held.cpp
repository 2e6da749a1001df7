#include "sandbox/prestart/held.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/prestart/prestart.hpp"

namespace cordon::prestart {

namespace {

class Message {
 public:
  explicit Message(AnswerKind kind) { put(static_cast<char>(kind)); }

  void string(std::string_view s) {
    const auto size = std::min(s.size(), std::size_t{4000});
    u32(static_cast<std::uint32_t>(size));
    for (std::size_t i = 0; i < size; ++i) put(s[i]);
  }
  void u32(std::uint32_t v) {
    for (int shift = 0; shift < 32; shift += 8) put(static_cast<char>(v >> shift));
  }
  void send(int control) const {
    ssize_t sent = 0;
    do sent = ::write(control, bytes_, size_);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) ::_exit(EXIT_FAILURE);  // nobody is there to be told
  }

 private:
  void put(char c) {
    if (size_ < sizeof bytes_) bytes_[size_++] = c;
  }
  char bytes_[max_answer];
  std::size_t size_ = 0;
};

int parse_number(const char*& text) {
  int number = 0;
  const char* const start = text;
  for (; *text >= '0' && *text <= '9' && number < 10000; ++text) number = number * 10 + (*text - '0');
  return text == start ? -1 : number;
}

struct Place {  // of a file below /work, NUL-terminated
  explicit Place(std::string_view path) { path.copy(name, path.size()); }
  char name[4096]{};
};

void make_parents(int control, Place& place) {
  for (char* slash = std::strchr(place.name, '/'); slash != nullptr; slash = std::strchr(slash + 1, '/')) {
    *slash = '\0';
    if (::mkdir(place.name, 0755) < 0 && errno != EEXIST) fail(control, "make workspace directory", place.name, errno);
    *slash = '/';
  }
}

void write_all(int control, int fd, const FileView& file) {
  for (auto left = file.content; !left.empty();) {
    const auto written = ::write(fd, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(control, "write workspace file", file.path, errno);
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

void write_file(int control, const FileView& file) {
  Place place(file.path);
  make_parents(control, place);
  const int fd = ::open(place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) fail(control, "create workspace file", file.path, errno);
  write_all(control, fd, file);
  if (::fchmod(fd, file.mode) < 0) fail(control, "set the mode of workspace file", file.path, errno);
  ::close(fd);
}

}  // namespace

bool parse_descriptors(const char* text, Descriptors& out) {
  for (int* const fd : {&out.control, &out.payload, &out.library}) {
    *fd = parse_number(text);
    if (*fd < 0 || *text != (fd == &out.library ? '\0' : ':')) return false;
    ++text;
  }
  return true;
}

void tell_ready(int control) {
  Message(AnswerKind::ready).send(control);
}

void tell_prepared(int control) {
  Message(AnswerKind::prepared).send(control);
}

void decline(int control, const char* reason) {
  Message message(AnswerKind::declined);
  message.string(reason);
  message.send(control);
  ::_exit(EXIT_FAILURE);
}

void fail(int control, const char* step, std::string_view object, int error) {
  Message message(AnswerKind::failed);
  message.string(step);
  message.string(object);
  message.u32(static_cast<std::uint32_t>(error));
  message.send(control);
  ::_exit(EXIT_FAILURE);
}

void await(int control, std::string_view expected) {
  char word = 0;
  ssize_t n = 0;
  do n = ::read(control, &word, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1 || word != expected[0]) ::_exit(EXIT_FAILURE);
}

Job::Job(const Descriptors& descriptors) {
  const auto end = ::lseek(descriptors.payload, 0, SEEK_END);
  if (end <= 0) fail(descriptors.control, "measure the payload", "", end == 0 ? EINVAL : errno);
  size_ = static_cast<std::size_t>(end);
  memory_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptors.payload, 0);
  if (memory_ == MAP_FAILED) fail(descriptors.control, "map the payload", "", errno);
  if (!decode({static_cast<const char*>(memory_), size_}, view_))
    fail(descriptors.control, "decode the payload", "", EINVAL);
}

Job::~Job() {
  ::munmap(memory_, size_);
}

void Job::write_files(int control) const {
  for (const auto& file : view_.files.items()) write_file(control, file);
}

void Job::enter_directory(int control) const {
  const Place place(view_.cwd);
  if (::chdir(place.name) < 0) fail(control, "chdir", view_.cwd, errno);
}

}  // namespace cordon::prestart
