// Reading jobs: one, many, their events, outputs and artifacts.
#include <algorithm>
#include <charconv>

#include "supervisor/http/event_stream.hpp"
#include "supervisor/http/job_access.hpp"
#include "supervisor/jobs/job_json.hpp"
#include "supervisor/text/base64.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;

constexpr std::uint64_t max_wait_seconds = 600, max_page = 1000;
constexpr std::size_t max_page_bytes = std::size_t{4} << 20;

Rejection bad_parameter(const std::string& name, const std::string& rule) {
  return {400, "invalid_parameter", "The input is not valid", "query parameter \"" + name + "\" " + rule,
          "Correct it."};
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

tl::expected<std::uint64_t, Rejection> number_parameter(const Request& request, const std::string& name,
                                                        std::uint64_t low, std::uint64_t high,
                                                        std::uint64_t otherwise) {
  const auto at = request.target.query.find(name);
  if (at == request.target.query.end()) return otherwise;
  const auto number = parse_number(at->second);
  if (number && *number >= low && *number <= high) return *number;
  return Refused(bad_parameter(name, "must be a number from " + std::to_string(low) + " to " + std::to_string(high)));
}

std::optional<Rejection> read_state(const Request& request, JobQuery& query) {
  const auto at = request.target.query.find("state");
  if (at == request.target.query.end()) return std::nullopt;
  for (const auto state : {JobState::queued, JobState::awaiting_approval, JobState::running, JobState::finished}) {
    if (at->second == to_string(state)) query.state = state;
  }
  if (query.state) return std::nullopt;
  return bad_parameter("state", "must be queued, awaiting_approval, running or finished");
}

awaitable<Answer> raw_output(Api* api, RequestPtr request, std::string id, Stream stream) {
  auto finding = find_job(api, request, id);
  const auto job = co_await std::move(finding);
  if (!job) co_return Refused(job.error());
  Response response;
  response.content_type = "application/octet-stream";
  response.body = OutputBody{*job, stream, (*job)->output[static_cast<std::size_t>(stream)].kept().size()};
  co_return response;
}

std::string digest_header(const Sha256& digest) {
  return "sha-256=:" + base64({reinterpret_cast<const char*>(digest.data()), digest.size()}) + ":";
}

// A page ends early rather than to become a text that holds up everybody: the next one goes on behind it.
std::string page_text(const Api& api, JobPage page) {
  std::string jobs;
  for (std::size_t i = 0; i < page.jobs.size(); ++i) {
    const auto& job = *page.jobs[i];
    jobs += (i == 0 ? "" : ", ") + dump(listed_job(job, api.life.admission().position(job.id)));
    if (jobs.size() < max_page_bytes || i + 1 == page.jobs.size()) continue;
    page.next = job.id;
    break;
  }
  return "{\"jobs\": [" + jobs + "], \"next\": " + dump(page.next.empty() ? Json() : Json(page.next)) + "}\n";
}

}  // namespace

awaitable<Answer> get_job(Api* api, RequestPtr request, Parameters parameters) {
  auto finding = find_job(api, request, parameters.at(0));
  const auto found = co_await std::move(finding);
  if (!found) co_return Refused(found.error());
  const auto wait = number_parameter(*request, "wait", 0, max_wait_seconds, 0);
  if (!wait) co_return Refused(wait.error());
  const auto deadline = Clock::now() + std::chrono::seconds(*wait);
  if (*wait > 0) co_await until_finished(*found, request->client, deadline);
  co_return job_response(*api, *found);
}

awaitable<Answer> list_jobs(Api* api, RequestPtr request, Parameters) {
  JobQuery query;
  if (request->caller.role == Role::agent) query.actor = request->caller.account.actor;
  const auto limit = number_parameter(*request, "limit", 1, max_page, query.limit);
  if (!limit) co_return Refused(limit.error());
  query.limit = *limit;
  if (auto bad = read_state(*request, query)) co_return Refused(std::move(*bad));
  if (const auto after = request->target.query.find("after"); after != request->target.query.end()) {
    query.after = after->second;
    if (!is_job_id(query.after)) co_return Refused(bad_parameter("after", "must be the id of a job"));
  }
  auto listing = api->store.list(query);
  auto page = co_await std::move(listing);
  Response response;
  response.body = page_text(*api, std::move(page));
  co_return response;
}

awaitable<Answer> get_events(Api* api, RequestPtr request, Parameters parameters) {
  auto finding = find_job(api, request, parameters.at(0));
  const auto found = co_await std::move(finding);
  if (!found) co_return Refused(found.error());
  const auto from = parse_number(request->last_event_id.value_or("0"));
  if (!from || *from > (*found)->log.end()) {
    co_return Refused(Rejection{400, "invalid_last_event_id", "The input is not valid",
                                "Last-Event-ID is no offset of this job's events",
                                "Leave it out to read from the start."});
  }
  co_return events_response(std::make_shared<EventReader>(*found, *from), *found);
}

awaitable<Answer> get_stdout(Api* api, RequestPtr request, Parameters parameters) {
  auto answer = raw_output(api, request, parameters.at(0), Stream::out);
  co_return co_await std::move(answer);
}

awaitable<Answer> get_stderr(Api* api, RequestPtr request, Parameters parameters) {
  auto answer = raw_output(api, request, parameters.at(0), Stream::err);
  co_return co_await std::move(answer);
}

awaitable<Answer> get_artifact(Api* api, RequestPtr request, Parameters parameters) {
  auto finding = find_job(api, request, parameters.at(0));
  const auto found = co_await std::move(finding);
  if (!found) co_return Refused(found.error());
  const auto* artifact = find_artifact(**found, parameters.at(1));
  if (artifact == nullptr) co_return Refused(not_found("artifact \"" + parameters.at(1) + "\" of this job"));
  Response response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Repr-Digest", digest_header(artifact->sha256));
  response.body = FileBody{artifact->file};
  co_return response;
}

}  // namespace cordon
