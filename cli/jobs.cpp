// `cordon ps`, `logs`, `show` and `cancel`.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/failure.hpp"
#include "cli/follow.hpp"
#include "cli/json_text.hpp"
#include "cli/output.hpp"
#include "cli/summary.hpp"
#include "cli/table.hpp"

namespace cordon::cli {
namespace {

std::string path_of(const std::string& id) {
  return "/v1/jobs/" + percent_encoded(id);
}

// Up to `wanted` jobs of one listing, page by page.
void append_jobs(Json& jobs, const Client& client, const std::string& filter, std::size_t wanted) {
  std::string after;
  while (wanted > 0) {
    auto page = client.get_json(
        {.target = fmt::format("/v1/jobs?limit={}{}{}", std::min<std::size_t>(wanted, 100), filter, after),
         .body = {}});
    for (auto& job : page["jobs"]) {
      jobs.push_back(std::move(job));
      if (--wanted == 0) return;
    }
    if (!page["next"].is_string()) return;
    after = "&after=" + percent_encoded(page["next"].get<std::string>());
  }
}

std::string time_used(const Json& job) {
  const auto usage = job.find("usage");
  if (usage == job.end() || !usage->is_object() || !usage->contains("wall_ms")) return "";
  return readable_time((*usage)["wall_ms"].get<double>());
}

std::string text(const Json& job, const char* key) {
  const auto found = job.find(key);
  return found != job.end() && found->is_string() ? found->get<std::string>() : "";
}

// "queued (3)": and two are before it.
std::string state_of(const Json& job) {
  const auto state = text(job, "state");
  const auto position = job.find("queue_position");
  return position == job.end() ? state : fmt::format("{} ({})", state, position->dump());
}

// The seconds are enough for people: "2026-01-31T12:00:00.123Z" -> "2026-01-31 12:00:00".
std::string short_time(std::string stamp) {
  if (stamp.size() < 19) return stamp;
  stamp.resize(19);
  std::replace(stamp.begin(), stamp.end(), 'T', ' ');
  return stamp;
}

std::string bytes_of(const Json& flow, const char* key) {
  const auto found = flow.find(key);
  return found != flow.end() && found->is_number() ? readable_bytes(found->get<double>()) : "";
}

// A row for each flow and each kind of denial, of jobs that have egress.
void print_network(const Json& jobs) {
  std::vector<Row> rows;
  for (const auto& job : jobs) {
    const auto flows = job.find("network");
    if (flows == job.end() || !flows->is_array()) continue;
    for (const auto& flow : *flows)
      rows.push_back({text(job, "id"), fmt::format("{}:{}", flow.value("name", ""), flow.value("port", 0)),
                      flow.value("verdict", ""), text(flow, "reason"),
                      flow.contains("count") ? flow["count"].dump() : "1", bytes_of(flow, "bytes_up"),
                      bytes_of(flow, "bytes_down")});
  }
  fmt::print("{}", table({"ID", "TO", "VERDICT", "REASON", "COUNT", "UP", "DOWN"}, rows));
}

void print_as_it_is(const Client& client, const std::string& id, const char* stream, JobOutput& output) {
  const auto response = client.send({.target = path_of(id) + "/" + stream});
  if (response.status != 200) refuse(response);
  output.write(response.body);
  output.finish();
}

}  // namespace

int list_jobs(const Session& session, const ListOptions& options) {
  const auto client = broadest_client(session);
  auto jobs = Json::array();
  if (options.all) {
    append_jobs(jobs, client, "", options.last);
  } else {
    for (const char* state : {"running", "queued", "awaiting_approval"}) {
      append_jobs(jobs, client, fmt::format("&state={}", state), options.last);
    }
  }
  if (session.json) {
    fmt::print("{}\n", json_text(jobs));
    return 0;
  }
  if (options.network) return print_network(jobs), 0;
  std::vector<Row> rows;
  for (const auto& job : jobs) {
    rows.push_back({text(job, "id"), state_of(job), outcome_in_short(job), text(job, "profile"), text(job, "tenant"),
                    text(job, "actor"), short_time(text(job, "submitted_at")), time_used(job)});
  }
  fmt::print("{}", table({"ID", "STATE", "OUTCOME", "PROFILE", "TENANT", "ACTOR", "SUBMITTED", "TIME"}, rows));
  return 0;
}

int show_logs(const Session& session, const LogsOptions& options) {
  const auto client = broadest_client(session);
  JobOutput out(STDOUT_FILENO, options.raw);
  JobOutput err(STDERR_FILENO, options.raw);
  if (!options.follow) {
    print_as_it_is(client, options.id, "stdout", out);
    print_as_it_is(client, options.id, "stderr", err);
    return 0;
  }
  WakeSignals wake;
  struct Interrupted {};
  const auto stop_when_unread = [](const JobOutput& stream) {
    if (stream.unread()) throw Interrupted{};
  };
  try {
    (void)follow_job(client, options.id, wake,
                     {.on_stdout = [&](std::string_view bytes) { out.write(bytes), stop_when_unread(out); },
                      .on_stderr = [&](std::string_view bytes) { err.write(bytes), stop_when_unread(err); },
                      .on_state = [](const std::string&) {},
                      .on_wake = [] { throw Interrupted{}; }});
  } catch (const Interrupted&) {
    return exit_cancelled;  // the job goes on: watching is not owning
  }
  out.finish();
  err.finish();
  return 0;
}

int show_job(const Session& session, const std::string& id) {
  const auto job = broadest_client(session).get_json({.target = path_of(id)});
  fmt::print("{}", session.json ? json_text(job) + "\n" : summary_of(job));
  return 0;
}

int cancel_job(const Session& session, const std::string& id) {
  const auto job = broadest_client(session).get_json({"DELETE", path_of(id)});
  fmt::print("{}\n", session.json ? json_text(job) : fmt::format("{}: {}", text(job, "id"), outcome_in_short(job)));
  return 0;
}

}  // namespace cordon::cli
