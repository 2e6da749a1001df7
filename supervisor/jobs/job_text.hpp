// A job as JSON text, in pieces: outputs of many megabytes must not hold up everybody else while they are rendered.
// Says what the job was when this was made, whatever becomes of it meanwhile.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "supervisor/jobs/job.hpp"

namespace cordon {

class JobText {
 public:
  JobText(std::shared_ptr<const Job> job, std::optional<std::size_t> queue_position);

  const Job& job() const { return *job_; }
  std::optional<std::string> next();  // nullopt: that was all. A small job is one piece.
  std::size_t size_hint() const;

 private:
  struct Body {
    std::size_t size = 0;  // of the output then
    bool text = true;
    std::size_t done = 0;
  };
  void append_body(std::string& piece, std::size_t which);

  std::shared_ptr<const Job> job_;
  std::array<std::string, 3> literals_;  // before stdout's bytes, between the two, after stderr's
  std::array<Body, 2> bodies_;
  std::size_t part_ = 0;  // literal 0, body 0, literal 1, body 1, literal 2
};

}  // namespace cordon
