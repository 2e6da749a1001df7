#include "supervisor/jobs/job_text.hpp"

#include <algorithm>

#include "supervisor/jobs/job_json.hpp"
#include "supervisor/text/base64.hpp"
#include "supervisor/text/json_string.hpp"

namespace cordon {
namespace {

constexpr std::size_t body_piece = std::size_t{48} * 1024;  // a multiple of 3, for base64
constexpr std::size_t enough = std::size_t{64} * 1024;

std::string_view without_braces(const std::string& object) {
  return std::string_view(object).substr(1, object.size() - 2);
}

std::string& append(std::string& out, std::string_view before, const std::string& object, std::string_view after) {
  return out.append(before).append(without_braces(object)).append(after);
}

}  // namespace

JobText::JobText(std::shared_ptr<const Job> job, std::optional<std::size_t> queue_position) : job_(std::move(job)) {
  const bool known = job_->texts && job_->state == JobState::finished;
  const auto texts = known ? *job_->texts : text_of(job_members(*job_, queue_position));
  append(literals_[0], "{", texts.before, ",\"stdout\":\"");
  append(literals_[1], "\",", texts.between, ",\"stderr\":\"");
  append(literals_[2], "\",", texts.after, "");
  literals_[2].append(",\"outcome_on_record\":").append(job_->is_on_record() ? "true}" : "false}");
  for (std::size_t i = 0; i < bodies_.size(); ++i) {
    bodies_[i] = {job_->output[i].kept().size(), job_->output[i].is_text(), 0};
  }
}

std::size_t JobText::size_hint() const {
  return bodies_[0].size + bodies_[1].size;
}

void JobText::append_body(std::string& piece, std::size_t which) {
  auto& body = bodies_[which];
  const auto bytes = job_->output[which].kept().substr(body.done, std::min(body_piece, body.size - body.done));
  body.done += bytes.size();
  if (body.text) {
    append_json_escaped(piece, bytes);
  } else {
    piece += base64(bytes);
  }
  if (body.done == body.size) ++part_;
}

std::optional<std::string> JobText::next() {
  std::string piece;
  while (part_ < 5 && piece.size() < enough) {
    if (part_ % 2 == 0) {
      piece += literals_[part_ / 2];
      ++part_;
    } else {
      append_body(piece, part_ / 2);
    }
  }
  if (piece.empty()) return std::nullopt;
  return piece;
}

}  // namespace cordon
