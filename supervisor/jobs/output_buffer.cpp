#include "supervisor/jobs/output_buffer.hpp"

#include <utility>

namespace cordon {

OutputBuffer OutputBuffer::of(std::string kept, bool text) {
  OutputBuffer buffer(kept.size());
  buffer.shown_ = buffer.written_ = kept.size();
  buffer.bytes_ = std::move(kept);
  buffer.text_ = text;
  return buffer;
}

void OutputBuffer::append(std::string_view bytes) {
  written_ += bytes.size();
  if (truncated_) return;
  const auto taken = bytes.substr(0, limit_ - bytes_.size());
  bytes_.append(taken);
  scanner_.feed(taken);
  // An unfinished character that the limit would cut through is held back until it is known what follows.
  const bool may_be_cut = scanner_.valid() && bytes_.size() + scanner_.missing() > limit_;
  shown_ = bytes_.size() - (may_be_cut ? scanner_.open() : 0);
  text_ = scanner_.valid() && shown_ == bytes_.size() - scanner_.open();
  if (taken.size() == bytes.size()) return;
  truncated_ = true;
  bytes_.resize(shown_);
}

void OutputBuffer::close() {
  if (!truncated_) {
    shown_ = bytes_.size();
    text_ = scanner_.valid() && scanner_.open() == 0;
  }
  bytes_.shrink_to_fit();
}

}  // namespace cordon
