#include "supervisor/jobs/order_files.hpp"

#include <sys/mman.h>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "supervisor/tools/tool_call.hpp"

namespace cordon {
namespace {

// An artifact's bytes as memory. The files are ours: one that is not what was collected is not what was asked for.
class MappedArtifact {
 public:
  explicit MappedArtifact(const StoredFile& file) : size_(file.size()) {
    if (size_ == 0) return;
    const auto fd = file.open();
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (data_ == MAP_FAILED) throw KernelError("map artifact", "", errno);
    if (sha256(bytes()) == file.sha256()) return;
    ::munmap(data_, size_);
    throw KernelError("read the artifact", hex(file.sha256()), EBADMSG,
                      "its file was changed: run the job that made it again");
  }
  ~MappedArtifact() {
    if (size_ > 0) ::munmap(data_, size_);
  }
  MappedArtifact(const MappedArtifact&) = delete;
  MappedArtifact& operator=(const MappedArtifact&) = delete;
  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  std::size_t size_;
  void* data_ = nullptr;
};

// What a client wrote, with the artifacts that it names for as long as this lives.
class OpenPayload {
 public:
  explicit OpenPayload(const JobOrder& order) : payload_{order.argv, order.env, order.cwd, {}} {
    for (const auto& file : order.files) {
      std::string_view content = file.content;
      if (file.artifact) content = artifacts_.emplace_back(std::make_unique<MappedArtifact>(*file.artifact))->bytes();
      payload_.files.push_back({file.path, file.mode, content});
    }
    head_ = encode_payload_head(payload_);
  }

  const Payload& payload() const { return payload_; }
  std::uint64_t size() const {
    std::uint64_t size = head_.size();
    for (const auto& file : payload_.files) size += file.content.size();
    return size;
  }
  Fd to_memfd() const {
    SealedMemfdWriter writer("cordon-payload");
    writer.write(head_);
    for (const auto& file : payload_.files) writer.write(file.content);
    return writer.seal();
  }

 private:
  Payload payload_;
  wire::Bytes head_;
  std::vector<std::unique_ptr<MappedArtifact>> artifacts_;
};

std::shared_ptr<const Fd> globs_memfd(const std::vector<std::string>& globs) {
  return std::make_shared<const Fd>(sealed_memfd("cordon-globs", encode_globs(globs)));
}

// Most jobs collect nothing, and say so with one file. Only our own collector ever maps it. (The input, empty as it may
// be, is the job's own: one open file is one offset and one set of locks, and two tools would reach each other by
// them.)
std::shared_ptr<const Fd> no_globs() {
  static const auto made_once = globs_memfd({});
  return made_once;
}

}  // namespace

OrderFiles::OrderFiles(JobOrder& order, const PrestartOffers& offers)
    : input_(sealed_memfd("cordon-stdin", order.stdin_bytes)),
      globs_(order.collect.empty() ? no_globs() : globs_memfd(order.collect)),
      collects_(!order.collect.empty()) {
  if (order.call && !order.call->health) given_ = given_scratch(order.files);
  const OpenPayload open(order);
  payload_ = open.to_memfd();
  prestart_ = choose_prestart(offers, open.payload(), open.size() + order.stdin_bytes.size(), order.limits);
  order.drop_input();
}

std::vector<int> OrderFiles::memfds() const {
  return {payload_.get(), input_.get(), globs_->get()};
}

void OrderFiles::drop() {
  payload_.reset();
  input_.reset();
  globs_.reset();
}

}  // namespace cordon
