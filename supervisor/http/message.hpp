// A request as handlers see it, and what they answer. No Beast here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "supervisor/http/body_budget.hpp"
#include "supervisor/http/event_source.hpp"
#include "supervisor/http/problem.hpp"
#include "supervisor/identity.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/jobs/job_text.hpp"
#include "supervisor/text/uri.hpp"
#include "supervisor/waker.hpp"

namespace cordon {

// The connection, for a handler that waits: `waker` rings when the client has gone.
struct Client {
  explicit Client(const asio::any_io_executor& executor) : waker(executor) {}
  Waker waker;
  bool gone = false;
};

struct Request {
  std::string method;
  Target target;
  std::optional<std::string> content_type, idempotency_key, last_event_id;
  std::string body;
  BodyBudget::SharePtr body_share;  // of the memory that all bodies may take
  Clock::time_point received;       // its last byte
  Caller caller;
  std::shared_ptr<Client> client;

  void drop_body() {
    body = {};
    body_share.reset();
  }
};
using RequestPtr = std::shared_ptr<Request>;

struct FileBody {
  std::shared_ptr<const StoredFile> file;
};
struct OutputBody {  // a job's output so far; it may be large, and is not copied
  JobPtr job;
  Stream stream = Stream::out;
  std::uint64_t size = 0;
};
struct JobBody {  // a large one, in pieces
  std::shared_ptr<JobText> text;
};
struct EventsBody {
  std::shared_ptr<EventSource> source;
  JobPtr job;  // whose events they are; nullptr: operators'
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::variant<std::string, FileBody, OutputBody, JobBody, EventsBody> body;
};

using Answer = tl::expected<Response, Rejection>;

Response problem_response(const Rejection& rejection);
Response events_response(std::shared_ptr<EventSource> source, JobPtr job = nullptr);

}  // namespace cordon
