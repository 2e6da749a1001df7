// The evidence as operators ask for it over HTTP: how it stands, what is held, a signed statement of a job. Whoever
// wants to be sure reads the files instead (`cordon evidence verify`).
#include <fcntl.h>

#include <charconv>

#include "profiles/json_reader.hpp"
#include "sandbox/kernel/file.hpp"
#include "supervisor/http/api.hpp"
#include "supervisor/http/json_answer.hpp"
#include "supervisor/http/operator_input.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;
constexpr std::size_t most_entries = 32;

Rejection no_ledger() {
  return {409, "evidence_off", "Conflict", "this instance keeps no evidence",
          "Its configuration says \"evidence\": \"off\"."};
}

Json lines_of(const std::string& text) {
  Json lines = Json::array();
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    if (end > at) lines.push_back(text.substr(at, end - at));
  }
  return lines;
}

// "3,17,20"
std::optional<std::vector<std::uint64_t>> parse_entries(std::string_view text) {
  std::vector<std::uint64_t> out;
  while (!text.empty()) {
    std::uint64_t one = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), one);
    if (error != std::errc() || out.size() == most_entries) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && text[0] != ',') return std::nullopt;
    text.remove_prefix(std::min<std::size_t>(text.size(), 1));
    out.push_back(one);
  }
  return out.empty() ? std::nullopt : std::optional(out);
}

// What a hold can be found by in an entry.
tl::expected<Scope, Rejection> read_hold_scope(const std::string& text) {
  auto scope = parse_scope(text);
  if (scope && scope->kind != Scope::Kind::drill) return *scope;
  return Refused(Rejection{400, "invalid_scope", "The input is not valid", "there is no scope \"" + text + "\"",
                           "Use all, tenant/NAME, actor/NAME, tool/NAME, profile/NAME or job/ID."});
}

awaitable<Answer> change_hold(Api* api, RequestPtr request, std::string scope_text, EvidenceKind kind,
                              std::string reason) {
  if (!api->evidence.is_on()) co_return Refused(no_ledger());
  const auto scope = read_hold_scope(scope_text);
  if (!scope) co_return Refused(scope.error());
  EvidenceRecord record{kind, {}};
  record.put("scope", to_string(*scope)).put("by", request->caller.account.actor).put_text("reason", std::move(reason));
  auto recording = api->evidence.record(std::move(record));
  const auto recorded = co_await std::move(recording);
  if (!recorded) co_return Refused(recorded.error());
  co_return json_response({{"scope", to_string(*scope)}, {"held", kind == EvidenceKind::hold}});
}

}  // namespace

awaitable<Answer> get_evidence(Api* api, RequestPtr, Parameters) {
  const auto standing = api->evidence.standing();
  const auto file = [&](const char* name) {
    return read_file_if_there(AT_FDCWD, api->evidence_dir + "/" + name).value_or("");
  };
  const bool on = api->evidence.is_on();
  co_return json_response({{"state", !on                           ? "off"
                                     : api->evidence.unavailable() ? "unavailable"
                                                                   : "on"},
                           {"entries", standing.entries},
                           {"key", standing.verifier},
                           {"checkpoint", on ? file("checkpoint") : ""},
                           {"holds", lines_of(on ? file("holds") : "")},
                           {"waiting", standing.waiting},
                           {"lost", standing.lost}});
}

awaitable<Answer> hold_evidence(Api* api, RequestPtr request, Parameters parameters) {
  auto reason = read_reason(request->body);
  if (!reason) co_return Refused(reason.error());
  auto changing = change_hold(api, request, parameters.at(0), EvidenceKind::hold, std::move(*reason));
  co_return co_await std::move(changing);
}

awaitable<Answer> release_evidence(Api* api, RequestPtr request, Parameters parameters) {
  auto changing = change_hold(api, request, parameters.at(0), EvidenceKind::release_hold, "");
  co_return co_await std::move(changing);
}

awaitable<Answer> get_statement(Api* api, RequestPtr request, Parameters parameters) {
  if (!api->evidence.is_on()) co_return Refused(no_ledger());
  const auto asked = request->target.query.find("entries");
  const auto entries = asked == request->target.query.end() ? std::nullopt : parse_entries(asked->second);
  const auto& job = parameters.at(0);
  if (!is_job_id(job)) co_return Refused(not_found("job \"" + job + "\""));  // the ledger hangs up on whoever babbles
  if (!entries) {
    co_return Refused(Rejection{400, "invalid_parameter", "The input is not valid",
                                "query parameter \"entries\" must be 1 to 32 numbers with commas between",
                                "`cordon evidence export --job ID --statement` finds them."});
  }
  auto asking = api->evidence.attest(job, *entries);
  const auto envelope = co_await std::move(asking);
  if (!envelope) co_return Refused(envelope.error());
  Response response;
  response.content_type = "application/vnd.dsse.envelope+json";
  response.body = *envelope + "\n";
  co_return response;
}

}  // namespace cordon
