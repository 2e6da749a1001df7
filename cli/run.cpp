// `cordon run`: submits, follows, and exits as the tool did.
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "cli/artifacts.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/failure.hpp"
#include "cli/follow.hpp"
#include "cli/grant_secret.hpp"
#include "cli/json_text.hpp"
#include "cli/output.hpp"
#include "cli/summary.hpp"

namespace cordon::cli {
namespace {

constexpr int max_submissions = 3;

std::string fresh_key() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw Failure("no random bytes");
  std::string key = "cordon-run-";
  for (const auto byte : bytes) key += fmt::format("{:02x}", byte);
  return key;
}

// With a key of its own a submission may be sent again: the same job answers, never a second run.
Json submit(const Client& client, const RunOptions& options) {
  const Request request{
      "POST",
      "/v1/jobs",
      job_request(options.wish),
      {"Idempotency-Key: " + (options.idempotency_key.empty() ? fresh_key() : options.idempotency_key)}};
  for (int attempt = 1;; ++attempt) {
    try {
      return client.get_json(request);
    } catch (const Failure& failure) {
      if (!failure.problem.empty() || attempt == max_submissions) throw;
    }
  }
}

void note(const std::string& text) {
  fmt::print(stderr, "cordon: {}\n", text);
}

void tell_the_end(const Json& job) {
  const auto reason = reason_of(job.value("outcome", Json()));
  if (!reason.empty()) note(reason);
  for (const char* stream : {"stdout", "stderr"}) {
    if (!job.value(fmt::format("{}_truncated", stream), false)) continue;
    note(fmt::format("{} was cut at output_bytes: the command wrote {} bytes", stream,
                     job.value(fmt::format("{}_bytes", stream), std::uint64_t{0})));
  }
}

Json follow_to_the_end(const Client& client, const Session& session, const RunOptions& options, const Json& submitted) {
  const auto id = submitted.at("id").get<std::string>();
  JobOutput out(STDOUT_FILENO, options.raw);
  JobOutput err(STDERR_FILENO, options.raw);
  WakeSignals wake;
  bool cancelled = false;
  const auto cancel = [&] {
    if (cancelled) return;
    cancelled = true;
    (void)client.send({"DELETE", "/v1/jobs/" + percent_encoded(id)});
  };
  const auto pass_on = [&](JobOutput& stream, std::string_view bytes) {
    if (session.json) return;
    stream.write(bytes);
    if (stream.unread()) cancel();
  };
  auto job = follow_job(client, id, wake,
                        {.on_stdout = [&](std::string_view bytes) { pass_on(out, bytes); },
                         .on_stderr = [&](std::string_view bytes) { pass_on(err, bytes); },
                         .on_state =
                             [&](const std::string& state) {
                               if (state == "awaiting_approval") note("waiting for an operator to approve job " + id);
                             },
                         .on_wake = cancel});
  out.finish();
  err.finish();
  return job;
}

}  // namespace

int run_job(const Session& session, const RunOptions& options) {
  const auto client = agent_client(session);
  auto wanted = options;
  wanted.wish.grant = grant_secret_if_any(options.grant_file);
  const auto submitted = submit(client, wanted);
  if (options.detach) {
    fmt::print("{}\n", session.json ? json_text(submitted) : submitted.at("id").get<std::string>());
    return 0;
  }
  const auto job = follow_to_the_end(client, session, options, submitted);
  if (!options.output_directory.empty()) save_artifacts(client, job, options.output_directory);
  if (session.json) fmt::print("{}\n", json_text(job));
  if (!session.json) tell_the_end(job);
  if (options.report) fmt::print(stderr, "{}", summary_of(job));
  return exit_code_of(job.value("outcome", Json()));
}

}  // namespace cordon::cli
